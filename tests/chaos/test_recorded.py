"""Which recorded samples must be in the index, and which were called lost."""

from pathlib import Path

from schemas.recordings import JournalLine
from tests.chaos.recorded import MOST_CALLED_LOST, Gap, complaints, gaps_in, not_indexed, recorded, standing

NOTICE = "not caught up from 2026-11-20T08:00:00Z to 2026-11-20T08:00:02Z, all: not recorded, or not any more"
EIGHT_MS = 1_795_161_600_000


def line(run: int, t_ms: int) -> JournalLine:
    return JournalLine(t_ms, run, seq=0, pts_ms=0)


def test_what_a_decoder_notes_after_another_took_its_camera_is_not_asked_for() -> None:
    lines = [line(1, 0), line(1, 500), line(2, 400), line(2, 900), line(3, 2000), line(1, 300), line(1, 1100), line(1, 1400)]
    assert standing(lines) == {0, 300, 400, 900, 1400, 2000}, "at 1400 the other had ended"


def test_a_recorded_sample_without_a_row_is_lost_in_silence_unless_its_camera_says_so() -> None:
    gaps = gaps_in("a", [NOTICE, "not recorded: no space left"])
    assert gaps == {Gap("a", EIGHT_MS, EIGHT_MS + 2999)}
    samples = {"a": {EIGHT_MS - 500, EIGHT_MS + 500, EIGHT_MS + 4000, EIGHT_MS + 9000}, "b": {EIGHT_MS + 500}}
    found = {f"a/1/f/{EIGHT_MS + 4000}"}
    silent, said = not_indexed(samples, {"a": 1, "b": 2}, found, gaps, until_ms=EIGHT_MS + 5000)
    assert silent == [f"a/1/f/{EIGHT_MS - 500}", f"b/2/f/{EIGHT_MS + 500}"]
    assert said == [f"a/1/f/{EIGHT_MS + 500}"]


def test_what_is_recorded_of_a_camera_is_that_of_one_life(tmp_path: Path) -> None:
    for life in (1, 2):
        folder = tmp_path / "recordings" / "a" / str(life) / "2026-11-20"
        folder.mkdir(parents=True)
        (folder / f"{life}-1.samples").write_text(line(1, 100 * life).text())
    assert recorded(tmp_path, {"a": 2}) == {"a": {200}}
    assert recorded(tmp_path, {"a": 1, "b": 3}) == {"a": {100}, "b": set()}


def test_a_few_samples_may_be_called_lost_and_none_is_told_twice() -> None:
    said = [f"a/1/f/{t_ms}" for t_ms in range(MOST_CALLED_LOST)]
    assert complaints(["a/1/f/700", "a/1/f/701"], said, {"a/1/f/701"}) == ["a/1/f/700 was recorded and is missing"]
    too_many = complaints([], [*said, "a/1/f/702"], {"a/1/f/702"})
    assert len(too_many) == MOST_CALLED_LOST
    assert too_many[0] == f"a/1/f/0 was recorded and is called lost, as {MOST_CALLED_LOST + 1} are"
