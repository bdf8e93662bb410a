"""The damage itself: seeded, bounded, and mostly behind the head."""

from random import Random

import pytest

from tests.broken.mutation import GROWN_BYTES, HEAD_BYTES, MOST_STROKES, STROKES, mutant, mutants

WHOLE = bytes(range(256)) * 8


def test_a_seed_makes_the_same_mutants_and_another_seed_makes_others() -> None:
    assert mutants(7, [WHOLE], 50) == mutants(7, [WHOLE], 50)
    assert mutants(7, [WHOLE], 50) != mutants(8, [WHOLE], 50)


def test_nearly_every_mutant_differs_from_what_it_was_made_of() -> None:
    made = mutants(1, [WHOLE], 400)
    assert sum(one == WHOLE for one in made) < 12
    assert len(set(made)) > 380


def test_most_mutants_keep_the_head_and_some_do_not() -> None:
    kept = sum(one.startswith(WHOLE[:HEAD_BYTES]) for one in mutants(2, [WHOLE], 400))
    assert 300 < kept < 390


def test_a_mutant_grows_by_no_more_than_its_strokes_can_add() -> None:
    assert max(map(len, mutants(3, [WHOLE], 400))) <= len(WHOLE) + MOST_STROKES * GROWN_BYTES


@pytest.mark.parametrize("whole", [b"", b"\x00", b"ab", bytes(40)])
@pytest.mark.parametrize("stroke", STROKES, ids=lambda stroke: stroke.__name__)
def test_every_stroke_takes_the_shortest_inputs(stroke: object, whole: bytes) -> None:
    for seed in range(60):
        damaged = bytearray(whole)
        assert callable(stroke)
        stroke(Random(seed), damaged, len(whole) // 4, [whole])
        assert mutant(Random(seed), whole) is not None


def test_a_splice_brings_bytes_of_a_donor() -> None:
    assert any(b"DONOR" in mutant(Random(seed), WHOLE, [b"DONOR" * 100]) for seed in range(40))
