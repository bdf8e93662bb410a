"""A look at journals on a disk; where Kafka has acknowledged every line, it is not asked."""

from pathlib import Path

import pytest

from schemas.messages import Life, Source
from schemas.recordings import JournalLine, Segment, life_folder
from services.decoder.cameras import looking
from services.decoder.cameras.journals import Journals
from services.decoder.cameras.looking import Question, look
from services.decoder.cameras.spans import Done, Fence, Lacking, Lost, Reach, missed

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
    *lost: Lost, done: tuple[Done, ...] = (), gone: tuple[Reach, ...] = (), told: frozenset[Lacking] = frozenset()
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
