"""The inputs that a target is given: mutants of its real inputs, of their bytes and of what they mean. Pure."""

from random import Random

from tests.broken.mutation import mutant
from tests.broken.structured import malformed, wrong_jpeg, wrong_json
from tests.broken.targets import RECORDS, Target
from tests.broken.wire import pack, unpack


def inputs(target: Target, seed: int, count: int) -> list[bytes]:
    """Return `count` inputs of a target: half of them damaged as what they are, where that is known."""
    dice = Random(f"{seed} {target.name}")
    return [one_input(target, dice) for _ in range(count)]


def one_input(target: Target, dice: Random) -> bytes:
    """Return the next input of a target."""
    whole = dice.choice(target.wholes)
    if dice.random() < 0.5:
        return mutant(dice, whole, target.wholes)
    if target.name in RECORDS:
        return pack(malformed(dice, unpack(whole)))
    if whole.startswith(b"{"):
        return wrong_json(dice, whole)
    if whole.startswith(b"\xff\xd8"):
        return wrong_jpeg(dice, whole)
    return mutant(dice, whole, target.wholes)
