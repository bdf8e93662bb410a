"""Asking for parts: so many at a time, again where a try fails, and said where it cannot be."""

import msgspec

from schemas.headers import EmbeddingHeaders
from services.indexer.asking import AGAIN_SECONDS, LOST, SILENT_SECONDS, Asking
from services.indexer.beyond import Part


def part(index: int) -> Part:
    return Part(f"s/1/c{index}", "s", 1, index, 0, 10, 2.0)


def heard(run: int, seq: int, index: int = 0) -> EmbeddingHeaders:
    return EmbeddingHeaders(source_id="s", t_ms=seq, stream=f"s/1/c{index}", run=run, seq=seq, space="m@00000000", rebuild=True)


def ended(run: int, samples: int, lacks: str | None = None) -> EmbeddingHeaders:
    return msgspec.structs.replace(heard(run, 0), t_ms=None, seq=None, mark="stream_end", samples=samples, lacks=lacks)


def failed(run: int, lacks: str = "it is gone") -> EmbeddingHeaders:
    return msgspec.structs.replace(ended(run, 0, lacks), mark="run_end", samples=None)


def asking(parts: int = 1, ahead: int = 9) -> Asking:
    made = Asking(ahead)
    made.add(map(part, range(parts)), 0.0)
    return made


def due(made: Asking, now: float, run: int, over: int = 0) -> list[int]:
    return [one.index for one in made.due(now, run, lambda one: one.index < over)]


def test_so_many_are_asked_for_and_the_next_when_one_is_confirmed() -> None:
    made = asking(3, ahead=2)
    assert due(made, 0.0, 5) == [0, 1]
    assert due(made, 1.0, 6) == []
    made.hear(ended(5, 0), 1.0)
    assert made.left == 3, "not confirmed yet"
    made.confirmed("s/1/c0")
    made.confirmed("s/1/c1")
    assert (made.left, made.done) == (2, 1)
    assert due(made, 2.0, 7) == [2]


def test_a_part_that_is_not_due_is_not_asked_for() -> None:
    made = Asking()
    made.add([part(0)], 10.0)
    made.add([part(1)], 0.0)
    assert due(made, 9.0, 5) == [1]
    assert due(made, 10.0, 5) == [0]


def test_all_samples_of_all_runs_must_have_come_and_repeats_count_once() -> None:
    made = asking()
    due(made, 0.0, 5)
    for headers in (heard(5, 0), heard(5, 1), heard(5, 0), heard(5, 1), heard(6, 0), heard(4, 9)):
        assert made.hear(headers, 1.0)
    assert not made.hear(heard(5, 0, index=7), 1.0), "nobody has asked for it"
    made.hear(ended(6, 3), 1.0)
    made.confirmed("s/1/c0")
    assert (made.left, made.lacking) == (0, [])


def test_what_was_lost_on_its_way_is_asked_for_again_as_a_larger_run_and_said_after_the_third_try() -> None:
    made, now = asking(), 0.0
    for run in (5, 6, 7):
        assert due(made, now, run) == [0]
        made.hear(heard(run, 1), now)
        made.hear(ended(run, 2), now)
        made.confirmed("s/1/c0")
        assert due(made, now, run + 1) == []
        now += max(AGAIN_SECONDS)
    assert made.left == 0
    assert [(lacking.part.index, lacking.why) for lacking in made.lacking] == [(0, LOST)]


def test_a_try_that_failed_is_made_again_and_an_answer_to_an_earlier_one_is_none() -> None:
    made = asking()
    due(made, 0.0, 5)
    made.hear(failed(5), 0.0)
    assert due(made, AGAIN_SECONDS[0], 6) == [0]
    made.hear(failed(5), 2.0)
    made.hear(ended(6, 0), 2.0)
    made.confirmed("s/1/c0")
    assert (made.left, made.lacking) == (0, [])


def test_what_a_part_lacks_is_said_once() -> None:
    made = asking()
    due(made, 0.0, 5)
    made.hear(ended(5, 0, "3 of 9 samples"), 1.0)
    made.hear(ended(5, 0, "3 of 9 samples"), 1.0)
    made.confirmed("s/1/c0")
    assert [lacking.why for lacking in made.lacking] == ["3 of 9 samples"]


def test_when_nothing_is_heard_of_any_part_all_are_asked_for_again() -> None:
    made = asking(3, ahead=2)
    assert due(made, 0.0, 5) == [0, 1]
    made.hear(heard(5, 0), 1_000.0)
    assert due(made, SILENT_SECONDS + 1, 6) == [], "it has its turn after the other"
    assert sorted(due(made, SILENT_SECONDS + 1_001, 7)) == [0, 1]
    assert due(made, SILENT_SECONDS + 1_002, 8) == []
    assert made.lacking == []


def test_of_a_life_that_is_over_nothing_is_asked_awaited_or_said() -> None:
    made = asking(4, ahead=2)
    assert due(made, 0.0, 5) == [0, 1]
    made.hear(ended(5, 0, "less"), 0.0)
    assert due(made, 1.0, 6, over=3) == [3]
    assert (made.left, made.lacking) == (1, [])
