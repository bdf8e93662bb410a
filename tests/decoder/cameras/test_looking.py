"""A look at journals on a disk; where Kafka has acknowledged every line, it is not asked."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from schemas.messages import Life, Source
from schemas.recordings import JournalLine, Segment, life_folder
from services.decoder.cameras import looking
from services.decoder.cameras.journals import Journals
from services.decoder.cameras.looking import Found, Question, look
from services.decoder.cameras.spans import Done, Fence, Lacking, Lost, LostSpan, LostVectors, Noted, Reach, missed
from streaming.records import Partition, Record

BEGIN_MS = 1_763_625_600_000
NOBODY = "127.0.0.1:1"
FENCE = Fence(2, 5, 1_000)
SOURCE = Source(source_id="captured-y", kind="camera", life=1, lives=(Life(life=1, began_ms=0),), sample_fps=1.0)


@pytest.fixture
def media(tmp_path: Path) -> Path:
    """Two minutes of one run, all of it on Kafka at offsets that count up."""
    for minute in range(2):
        start_ms = BEGIN_MS + 60_000 * minute
        film = film_of(tmp_path, start_ms)
        film.parent.mkdir(parents=True, exist_ok=True)
        film.touch()
        lines = [JournalLine(start_ms + 1000 * n, 1, 0, 1000 * n, 5, 60 * minute + n) for n in range(60)]
        film.with_suffix(".samples").write_text("".join(line.text() for line in lines))
    return tmp_path


def film_of(media: Path, start_ms: int, run: int = 1) -> Path:
    segment = Segment(start_ms, run)
    return media / life_folder(SOURCE.source_id, 1) / segment.day / segment.name


def question(
    *lost: Lost | LostVectors, done: tuple[Done, ...] = (), gone: tuple[Reach, ...] = (), told: frozenset[Lacking] = frozenset()
) -> Question:
    return Question(SOURCE, FENCE, FENCE, done, gone, told, lost)


def test_what_a_consumer_lost_is_found_as_far_as_it_is_recorded(media: Path) -> None:
    film_of(media, BEGIN_MS).unlink()
    found = look(question(Lost(5, 50, 69)), media, NOBODY)
    assert found.gone == (Reach(BEGIN_MS + 50_000, BEGIN_MS + 59_000),)
    (span,) = found.spans
    assert span.reach == Reach(BEGIN_MS + 60_000, BEGIN_MS + 69_000)
    done = Done(span.reach, 10, span.reach.last_ms)
    again = look(question(Lost(5, 50, 69), done=(done,), gone=found.gone), media, NOBODY)
    assert (again.spans, again.gone, again.lacking) == ((), (), ())


def test_what_no_recording_showed_is_told_by_the_next_owner_too_and_settled_once_it_was_told(media: Path) -> None:
    lost = Lost(5, 10, 19)
    dealt_by_another = Done(Reach(BEGIN_MS + 10_000, BEGIN_MS + 16_000), 7, BEGIN_MS + 16_000)
    (span,) = look(question(lost, done=(dealt_by_another,)), media, NOBODY).spans
    assert span.reach == Reach(BEGIN_MS + 17_000, BEGIN_MS + 19_000)
    without_a_row = Done(Reach(span.reach.first_ms, span.reach.first_ms), 0, None)
    whole = Done(span.reach, 1, span.reach.first_ms)
    found = look(question(lost, done=(dealt_by_another, without_a_row)), media, NOBODY)
    assert found.lacking == (Lacking(1, without_a_row.reach),)
    found = look(question(lost, done=(dealt_by_another, whole)), media, NOBODY)
    assert found.lacking == (Lacking(2, Reach(BEGIN_MS + 18_000, BEGIN_MS + 19_000)),)
    journals = Journals(media, SOURCE.source_id, 1)
    assert journals.settled_ms() == BEGIN_MS, "whoever comes next finds it again"
    told = look(question(lost, done=(dealt_by_another, whole), told=frozenset(found.lacking)), media, NOBODY)
    assert (told.lacking, journals.settled_ms()) == ((), BEGIN_MS + 60_000)


def test_vectors_of_a_camera_whose_clock_is_ahead_are_caught_up_to_the_last(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ahead_ms = 1_800
    monkeypatch.setattr(looking, "written_ms", lambda *_: BEGIN_MS + 30_000 - ahead_ms)
    lost = frozenset(range(30))
    for told_ms in (0, BEGIN_MS + 86_400_000):
        found = look(question(LostVectors(5, 29, told_ms)), media, NOBODY)
        assert lost <= {one.line.offset for span in found.spans for one in span.lost}


def test_what_may_be_lost_and_is_recorded_no_more_is_not_said_to_be_missing(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "written_ms", lambda *_: BEGIN_MS + 110_000)
    film_of(media, BEGIN_MS).unlink()
    found = look(question(LostVectors(5, 110, 0)), media, NOBODY)
    assert (found.gone, found.lacking) == ((), ()), "most of what expired is in the index"
    assert min(one.line.t_ms for span in found.spans for one in span.lost) == BEGIN_MS + 60_000
    assert look(question(Lost(5, 10, 20)), media, NOBODY).gone == (Reach(BEGIN_MS + 10_000, BEGIN_MS + 20_000),)


def test_spans_of_two_runs_that_overlap_are_done_each_by_itself(media: Path) -> None:
    after = [BEGIN_MS + 119_900, *(BEGIN_MS + 120_000 + 1000 * n for n in range(1, 30))]
    film = film_of(media, after[0], run=2)
    film.touch()
    lines = [JournalLine(t_ms, 2, n, t_ms - after[0], 5, 121 + n) for n, t_ms in enumerate(after)]
    film.with_suffix(".samples").write_text("".join(line.text() for line in lines))
    last = JournalLine(BEGIN_MS + 120_000, 1, 120, 60_000, 5, 120)
    with film_of(media, BEGIN_MS + 60_000).with_suffix(".samples").open("a") as journal:
        journal.write(last.text())
    fence = Fence(3, 5, 1_000)

    def seen(*done: Done) -> Found:
        return look(Question(SOURCE, fence, fence, done, (), frozenset(), (Lost(5, 100, 200),)), media, NOBODY)

    first, second = seen().spans
    assert ([one.line.run for one in first.lost], [one.line.run for one in second.lost]) == ([1] * 21, [2] * 30)
    done = [Done(span.reach, len(span.lost), span.reach.last_ms) for span in (first, second)]
    assert seen(done[0]).spans == (second,), "whoever owned the camera has died in between"
    assert seen(done[0]).lacking == ()
    whole = seen(*done)
    assert (whole.lacking, whole.spans) == ((), ())


@pytest.mark.parametrize(("oldest_left", "is_unsure"), [((7, 200_000), True), ((7, 10_000), False), ((0, 200_000), False)])
def test_what_the_log_does_not_tell_any_more_may_be_in_the_index(
    media: Path, monkeypatch: pytest.MonkeyPatch, oldest_left: tuple[int, int], is_unsure: bool
) -> None:
    offset, after_ms = oldest_left
    record = Record(Partition("frames-live", 5), offset, b"another", b"", (), BEGIN_MS + after_ms)
    monkeypatch.setattr(looking, "read_passage", lambda *_: iter([record]))
    journal = film_of(media, BEGIN_MS + 60_000).with_suffix(".samples")
    journal.write_text(journal.read_text().replace(" 5 119\n", " -1 -1\n"))
    (span,) = look(question(), media, NOBODY).spans
    assert span.reach == Reach(BEGIN_MS + 119_000, BEGIN_MS + 119_000), "it is decoded again where the film shows it"
    found = look(question(done=(Done(span.reach, 0, None),)), media, NOBODY)
    assert found.lacking == (Lacking(1, span.reach),)
    assert found.unsure == ({span.reach} if is_unsure else set())
    film_of(media, BEGIN_MS + 60_000).unlink()
    found = look(question(), media, NOBODY)
    assert found.gone == (span.reach,)
    assert found.unsure == ({span.reach} if is_unsure else set())


def test_of_a_long_outage_the_oldest_spans_come_first_and_the_rest_when_they_are_done(
    media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "MOST_AT_ONCE", 20)
    lost = [Lost(5, 10 * n, 10 * n + 4) for n in range(11, 1, -1)]
    done: list[Done] = []
    seen: list[LostSpan] = []
    while (found := look(question(*lost, done=tuple(done)), media, NOBODY)).spans:
        assert found.waiting == 50 - len(done) * 5 - sum(len(span.lost) for span in found.spans)
        assert found.all_ripe
        assert Journals(media, SOURCE.source_id, 1).settled_ms() == found.spans[0].lost[0].segment.start_ms
        assert sum(len(span.samples) for span in found.spans[:-1]) < 20
        done += [Done(span.reach, len(span.lost), span.reach.last_ms) for span in found.spans]
        seen += found.spans
    assert [one.line.offset for span in seen for one in span.lost] == [10 * n + m for n in range(2, 12) for m in range(5)]
    assert (found.waiting, found.lacking, found.gone) == (0, (), ())


def test_a_look_begins_where_everything_before_is_settled(media: Path) -> None:
    journals = Journals(media, SOURCE.source_id, 1)
    assert look(question(), media, NOBODY).spans == ()
    assert journals.settled_ms() == BEGIN_MS + 60_000
    assert {one.segment.start_ms for one in journals.read(journals.settled_ms())} == {BEGIN_MS + 60_000}
    look(question(Lost(5, 0, 9)), media, NOBODY)
    assert journals.settled_ms() == BEGIN_MS, "what is being caught up is still to be looked at"


def test_what_a_decoder_notes_when_it_wakes_from_a_freeze_is_still_to_be_looked_at(
    media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "now_ms", lambda: BEGIN_MS + 125_000)
    journals = Journals(media, SOURCE.source_id, 1)
    larger = film_of(media, BEGIN_MS + 120_000, run=2).with_suffix(".samples")
    larger.write_text(JournalLine(BEGIN_MS + 120_000, 2, 0, 0, 5, 120).text())
    before_it_slept = Fence(1, 5, 0)
    look(Question(SOURCE, before_it_slept, before_it_slept, (), (), frozenset(), ()), media, NOBODY)
    late = JournalLine(BEGIN_MS + 119_500, 1, 120, 59_500, 5, 121)
    with film_of(media, BEGIN_MS + 60_000).with_suffix(".samples").open("a") as journal:
        journal.write(late.text())
    assert late in [one.line for one in missed(journals.read(journals.settled_ms()), FENCE, FENCE, SOURCE.sample_fps)]


def test_what_a_larger_run_has_shown_is_known_where_its_segment_is_settled(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "read_passage", lambda *_: iter(()))
    smaller = film_of(media, BEGIN_MS + 30_000, run=0)
    smaller.touch()
    lines = [JournalLine(BEGIN_MS + 30_500 + 1000 * n, 0, n, 0, 5, 500 + n) for n in range(60)]
    smaller.with_suffix(".samples").write_text("".join(line.text() for line in lines))
    Journals(media, SOURCE.source_id, 1).settle(BEGIN_MS + 1)
    assert look(question(), media, NOBODY).spans == ()


def test_the_log_completes_a_journal_whose_last_line_was_cut_short(media: Path) -> None:
    journals = Journals(media, SOURCE.source_id, 1)
    journal = film_of(media, BEGIN_MS + 60_000).with_suffix(".samples")
    text = journal.read_text()
    journal.write_text(text.replace(" 5 119\n", " -1 -1\n") + str(BEGIN_MS)[:7])
    last = journals.read(None)[-1]
    assert last.line.offset == -1
    journals.complete([last], {(1, last.line.t_ms): 119}, 5)
    assert journals.read(None)[-1].line.offset == 119


@pytest.mark.parametrize("seed", range(300))
def test_a_glance_says_what_a_look_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Runs that follow or overlap each other, with samples that are on their way, were refused or came too late."""
    rng = random.Random(seed)
    monkeypatch.setattr(looking, "_completed", lambda _, noted, *__: noted)
    newest_run, offset, lines = rng.randint(1, 3), 0, list[JournalLine]()
    for run in range(1, newest_run + 1):
        begins_s = 40 * (run - 1) - rng.choice((0, 0, 0, 15))
        for number in range(40):
            offset += rng.randint(1, 3)
            is_refused = rng.random() < rng.choice((0.0, 0.0, 0.02))
            lines.append(
                JournalLine(BEGIN_MS + 1000 * (begins_s + number), run, number, 0, *((-1, -1) if is_refused else (5, offset)))
            )
    if rng.random() < 0.3:
        late = rng.randrange(len(lines))
        lines[late] = replace(lines[late], partition=5, offset=offset + 9)
    if rng.random() < 0.3:
        lines[-1] = replace(lines[-1], partition=-1, offset=-1)
    for line in lines:
        film = film_of(tmp_path, line.t_ms // 60_000 * 60_000, line.run)
        film.parent.mkdir(parents=True, exist_ok=True)
        film.touch()
        with film.with_suffix(".samples").open("a") as journal:
            journal.write(line.text())
    newest = Fence(rng.choice((newest_run, newest_run + 1)), 5, offset + rng.choice((0, 20)))
    first = rng.choice((newest, Fence(1, 5, 0), Fence(newest_run, 5, rng.randint(0, offset))))
    asked = Question(SOURCE, first, newest, (), (), frozenset(), ())
    journals = Journals(tmp_path, SOURCE.source_id, 1)
    seen, settled_ms = look(asked, tmp_path, NOBODY), journals.settled_ms()
    (tmp_path / life_folder(SOURCE.source_id, 1) / "settled").unlink(missing_ok=True)
    monkeypatch.setattr(looking, "_all_is_taken", lambda *_: False)
    assert (look(asked, tmp_path, NOBODY), journals.settled_ms()) == (seen, settled_ms)


def test_what_readers_have_taken_is_seen_at_a_glance(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: object) -> list[Noted]:
        raise AssertionError("lines are kept")

    monkeypatch.setattr(Journals, "read", read)
    assert look(question(), media, NOBODY) == Found((), (), (), frozenset(), 0, all_ripe=True)
    assert Journals(media, SOURCE.source_id, 1).settled_ms() == BEGIN_MS + 60_000
    with pytest.raises(AssertionError, match="lines are kept"):
        look(question(Lost(5, 50, 69)), media, NOBODY)
    lines = (journal := film_of(media, BEGIN_MS).with_suffix(".samples")).read_text().splitlines(keepends=True)
    journal.write_text("".join([JournalLine(BEGIN_MS, 1, 0, 0).text(), *lines[1:]]))
    with pytest.raises(AssertionError, match="lines are kept"):
        look(question(), media, NOBODY)
