"""Which dead letters may be sent again, and as what; and what is shown of one."""

import pytest

from schemas.messages import Life, Source, Wanted
from services.query.letter_view import source_of, whole
from services.query.replays import NotReplayed, to_replay
from streaming.dead_letters import DeadLetter, read_letter, write_letter
from streaming.records import Partition, Record

WRITTEN_MS = 1_500


def source(life: int = 2, wanted: Wanted = "running") -> Source:
    """Life n began at n seconds."""
    lives = tuple(Life(life=number, began_ms=1000 * number) for number in range(1, life + 1))
    return Source(source_id="cam", kind="push", life=life, lives=lives, sample_fps=1.0, wanted=wanted)


def letter(topic: str = "frames-live", value: bytes | None = b"x", partition: int = 7, **headers: str) -> DeadLetter:
    raw = [(name, text.encode()) for name, text in {"schema": "frame/1", "source_id": "cam", "t_ms": "0", **headers}.items()]
    record = Record(Partition(topic, partition), 4711, b"cam", value, raw, WRITTEN_MS)
    return read_letter(write_letter(record, "why", "embedder", 9_000))


def names(record: Record) -> list[str]:
    return [name for name, _ in record.headers]


def test_a_frame_goes_again_without_run_and_seq_and_with_the_life_it_was_written_in() -> None:
    sent = to_replay(letter(run="5", seq="9", width="640"), source(1))
    assert names(sent) == ["schema", "source_id", "t_ms", "width", "replayed", "life", "dlq_replay_of", "dlq_replays"]
    assert (sent.partition, sent.key, sent.value) == (Partition("frames-live", 7), b"cam", b"x")
    assert dict(sent.headers)["life"] == b"1"


def test_what_is_replayed_once_more_says_so_once() -> None:
    assert names(to_replay(letter(run="5", seq="9", replayed="1"), source(1))).count("replayed") == 1


def test_a_frame_of_a_source_that_nobody_knows_states_no_life() -> None:
    assert "life" not in names(to_replay(letter(), None))


@pytest.mark.parametrize(
    ("known", "dead"),
    [
        (source(2), letter()),  # written in life 1, as Kafka's timestamp says
        (source(2), letter(life="1")),
        (source(2), letter(stream="cam/1/c3")),
        (source(1, "removed"), letter()),
        (source(1, "removed"), letter(life="1")),
    ],
)
def test_of_a_life_that_is_over_nothing_comes_back(known: Source, dead: DeadLetter) -> None:
    with pytest.raises(NotReplayed, match="life 1 of source 'cam' is over"):
        to_replay(dead, known)


@pytest.mark.parametrize(
    ("dead", "why"),
    [
        (letter(value=b"", mark="stream_end", stream="cam/1/c3"), "mark"),  # it would call a chunk done that is not
        (letter(context="1"), "margin"),
        (letter(value=bytes(995_000)), "too large"),
        (letter(partition=24), "which partition"),
        (read_letter(Record(Partition("recut.dlq", 0), 3, None, b"{}", [], 0)), "which partition"),
        (letter(topic="chunks", value=bytes(981_500), partition=0, trace="x" * 8_000), "too large"),
    ],
)
def test_what_can_not_be_sent_again_says_why(dead: DeadLetter, why: str) -> None:
    with pytest.raises(NotReplayed, match=why):
        to_replay(dead, None)


def test_a_message_in_json_goes_again_as_it_was() -> None:
    sent = to_replay(letter(topic="chunks", value=b"{", run="5"), None)
    assert names(sent) == ["schema", "source_id", "t_ms", "run", "dlq_replay_of", "dlq_replays"]
    assert (sent.value, dict(sent.headers)["dlq_replay_of"]) == (b"{", b"chunks/-1")


def test_no_password_is_shown_however_it_is_spelt() -> None:
    value = rb'{"source_id": "cam", "url": "rtsp:\/\/me:hunt\u0065r2@10.0.0.7/a", "b": ["rtsp://me:hunter2/x@h/a", "x@y"]}'
    dead = letter(topic="chunks", value=value, note="rtsp://me:hunter2@10.0.0.7/a")
    shown = whole(dead)
    assert "hunter2" not in str(shown)
    assert "hunt" not in shown["value"]["text"]
    assert '"x@y"' in shown["value"]["text"]
    assert source_of(dead) == "cam"


@pytest.mark.parametrize(
    ("dead", "kind"),
    [
        (letter(value=None), "empty"),
        (letter(value=b"no jpeg"), "bytes"),
        (letter(topic="embeddings-live", value=bytes(10)), "vector"),
        (letter(topic="embeddings-live", value=bytes(11)), "bytes"),
        (letter(topic="chunks", value=b"[1, 2]"), "json"),
        (letter(topic="chunks", value=b"{nothing \xff"), "text"),
        (letter(topic="chunks", value=b"[" * 1_000 + b"]" * 1_000), "text"),
        (letter(topic="chunks", value=b'"' + b"a" * 900_000 + b'"'), "json"),
    ],
)
def test_a_value_is_shown_as_far_as_it_can_be_read(dead: DeadLetter, kind: str) -> None:
    shown = whole(dead)["value"]
    assert shown["kind"] == kind
    assert len(str(shown)) < 25_000
