"""Damage to bytes, drawn from dice: the same dice make the same mutants. Pure.

Most mutants keep their first bytes, so that what reads them gets past the signature and into the depth.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

HEAD_BYTES: Final = 48
HEAD_SPARED: Final = 0.8
"""The share of mutants whose first bytes stay; half of the strokes of the others fall there."""
MOST_STROKES: Final = 6
GROWN_BYTES: Final = 4_096
WIDTHS: Final = (1, 2, 4, 8)
NUMBERS: Final = (0, 1, 2, 16, *(1 << bits for bits in (7, 8, 15, 16, 31, 32, 53, 63)))
"""Where lengths, counts, signs and rounding change."""


def mutant(dice: Random, whole: bytes, donors: Sequence[bytes] = ()) -> bytes:
    """Return `whole` after one to `MOST_STROKES` strokes of damage; splices take from it and from `donors`."""
    damaged = bytearray(whole)
    spared = min(HEAD_BYTES, len(whole) // 4) if dice.random() < HEAD_SPARED else 0
    for _ in range(1 + min(int(dice.expovariate(0.7)), MOST_STROKES - 1)):
        dice.choice(STROKES)(dice, damaged, spared, [whole, *donors])
    return bytes(damaged)


def mutants(seed: int, wholes: Sequence[bytes], count: int) -> list[bytes]:
    """Return `count` mutants, of each of `wholes` in turn."""
    dice = Random(seed)
    return [mutant(dice, wholes[number % len(wholes)], wholes) for number in range(count)]


def flip(dice: Random, damaged: bytearray, spared: int, _: Sequence[bytes]) -> None:
    """Flip up to eight bits that lie near each other."""
    begin, end = _stretch(dice, damaged, spared, 64)
    for _number in range(dice.randint(1, 8) if end > begin else 0):
        damaged[dice.randrange(begin, end)] ^= 1 << dice.randrange(8)


def zero(dice: Random, damaged: bytearray, spared: int, _: Sequence[bytes]) -> None:
    """Fill a stretch with one byte, mostly zero: a hole in a file."""
    begin, end = _stretch(dice, damaged, spared, 512)
    damaged[begin:end] = bytes([dice.choice((0, 0, 0, 0xFF))]) * (end - begin)


def cut(dice: Random, damaged: bytearray, spared: int, _: Sequence[bytes]) -> None:
    """Take a stretch out, or everything from some place on."""
    begin, end = _stretch(dice, damaged, spared, 512)
    del damaged[begin : len(damaged) if dice.random() < 0.25 else end]


def repeat(dice: Random, damaged: bytearray, spared: int, _: Sequence[bytes]) -> None:
    """Put a stretch in again, one to four times."""
    begin, end = _stretch(dice, damaged, spared, 256)
    damaged[end:end] = damaged[begin:end] * dice.randint(1, 4)


def splice(dice: Random, damaged: bytearray, spared: int, donors: Sequence[bytes]) -> None:
    """Write a stretch of a donor over what is there, or between it."""
    donor = dice.choice(donors)
    begin, end = _stretch(dice, donor, 0, 512)
    at = dice.randint(min(spared, len(damaged)), len(damaged))
    damaged[at : at + (end - begin if dice.random() < 0.5 else 0)] = donor[begin:end]


def grow(dice: Random, damaged: bytearray, spared: int, _: Sequence[bytes]) -> None:
    """Put random bytes in, or at the end."""
    at = dice.randint(min(spared, len(damaged)), len(damaged)) if dice.random() < 0.5 else len(damaged)
    damaged[at:at] = dice.randbytes(dice.randint(1, dice.choice((4, 64, GROWN_BYTES))))


def number(dice: Random, damaged: bytearray, spared: int, _: Sequence[bytes]) -> None:
    """Write a number at which readers stumble, in some width and order of bytes."""
    width = dice.choice(WIDTHS)
    at = dice.randint(min(spared, len(damaged)), max(spared, len(damaged) - width))
    written = dice.choice((1, -1)) * dice.choice(NUMBERS) - dice.randint(0, 1)
    damaged[at : at + width] = (written % (1 << 8 * width)).to_bytes(width, dice.choice(("big", "little")))


STROKES: Final[Sequence[Callable[[Random, bytearray, int, Sequence[bytes]], None]]] = (
    flip, flip, zero, cut, repeat, splice, grow, number, number,
)  # fmt: skip


def _stretch(dice: Random, source: bytes | bytearray, spared: int, longest: int) -> tuple[int, int]:
    """Return begin and end of a stretch, small ones more often; empty where nothing is left."""
    last = len(source) if spared or dice.random() < 0.5 else min(len(source), HEAD_BYTES)
    begin = dice.randint(min(spared, last), last)
    return begin, min(len(source), begin + 1 + int(longest * dice.random() ** 3))
