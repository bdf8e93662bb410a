"""What the log says of cameras' frames: which rows they make, and whether they came from the future."""

import numpy as np

from schemas.headers import EmbeddingHeaders, Mark
from services.indexer.core.entry import Entry
from tests.chaos.acknowledged import MOST_AHEAD_MS, ahead, rows

SENT_MS = 1_000_000
LIVE, BULK = ("frames-live", 0), ("frames-bulk", 0)
VECTOR = np.array([1, 0], np.float32)


def entry(t_ms: int | None, seq: int | None = 0, *, mark: Mark | None = None, captured_ms: int = -1) -> Entry:
    headers = EmbeddingHeaders(
        source_id="a", stream="a", t_ms=t_ms, life=2, run=1, seq=seq, mark=mark, captured_ms=captured_ms, space="s@00000000"
    )
    vector = None if mark else VECTOR
    return Entry(offset=0, timestamp_ms=SENT_MS, headers=headers, life=2, closes_when_quiet=False, done=False, vector=vector)


END = entry(None, None, mark="run_end")


def test_a_live_frame_that_was_sent_before_it_was_taken_is_told() -> None:
    at_most, beyond = entry(SENT_MS + MOST_AHEAD_MS), entry(SENT_MS + MOST_AHEAD_MS + 1)
    assert ahead({LIVE: [at_most, END, entry(0)]}) == []
    assert ahead({BULK: [beyond]}) == [], "caught up: what it was sent for is past"
    assert ahead({LIVE: [entry(SENT_MS + 99_000, mark="same")]}) == []
    told = f"a/2/f/{SENT_MS + MOST_AHEAD_MS + 1} was sent {MOST_AHEAD_MS + 1} ms before it says that it was taken"
    assert ahead({LIVE: [at_most, beyond]}) == [told]


def test_rows_have_the_times_of_capture_that_their_records_say() -> None:
    log = {LIVE: [entry(500, captured_ms=500), entry(1000, 1, captured_ms=1000), END], BULK: [entry(500, captured_ms=7), END]}
    made = rows(log)
    assert {key: (one.captured_ms, len(one.vectors)) for key, one in made.items()} == {
        "a/2/f/500": (frozenset((500, 7)), 2),
        "a/2/f/1000": (frozenset((1000,)), 1),
    }
