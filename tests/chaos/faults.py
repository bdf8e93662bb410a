"""Which faults, where and when: a pure function of a seed."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Literal

Kind = Literal[
    "kill", "freeze", "leave", "join", "slow", "refuse", "full",
    "stall", "resize", "recode", "skew", "unreported", "jump", "wrap",
]  # fmt: skip
Pair = tuple[Kind, str]

WORKERS: Final = ("decoder", "embedder", "indexer-live", "indexer-bulk")
SERVERS: Final = ("kafka", "milvus")
TARGETS: Final = (*WORKERS, "query", *SERVERS)
CAMERA: Final = "camera"

DEATHS: Final[tuple[Pair, ...]] = tuple((kind, target) for kind in ("kill", "freeze") for target in TARGETS)
CHANGES: Final[tuple[Pair, ...]] = (
    *((kind, target) for kind in ("leave", "join") for target in WORKERS),
    ("slow", "milvus"),
    ("refuse", "milvus"),
)
FULL: Final[Pair] = ("full", "media")
"""Only where the media store can have a small disk of its own."""

CAMERA_FAULTS: Final[tuple[Pair, ...]] = tuple(
    (kind, CAMERA)
    for kind in ("kill", "freeze", "stall", "resize", "recode", "skew", "skew", "unreported", "jump", "jump", "wrap")
)
"""Every time that a clock is wrong it is wrong in another way, so these are there twice."""

GAP_SECONDS: Final = (0.3, 3.0)
LASTS_SECONDS: Final[dict[Kind, tuple[float, float]]] = {
    "kill": (0.0, 3.0),
    "freeze": (0.5, 9.0),
    "leave": (0.0, 3.0),
    "join": (6.0, 12.0),
    "slow": (3.0, 8.0),
    "refuse": (1.0, 6.0),
    "full": (3.0, 12.0),
    "stall": (4.5, 9.0),
    "resize": (0.3, 3.0),
    "recode": (0.3, 3.0),
    "skew": (3.0, 8.0),
    "unreported": (3.0, 8.0),
    "jump": (3.0, 6.0),
    "wrap": (6.0, 8.0),
}
"""How long each lasts. A killed process is started again after it; a frozen one outlasts its session now and then."""


@dataclass(frozen=True)
class Fault:
    """One fault, `after_seconds` after the one before it, undone after `lasts_seconds`.

    `kill`: SIGKILL. `freeze`: SIGSTOP, then SIGCONT. `leave`: SIGTERM, then a new process. `join`: one more worker, which leaves.
    `slow`, `refuse`: the way to the server is slow, or refuses connections and breaks those that are there. `full`: the disk is.

    Of a camera: `freeze` stops it inside a picture: it takes connections and answers nobody. `stall`: it answers, and sends no
    picture. `resize`, `recode`: it is started again with another size and rate, or another codec. `skew`: its reports tell a
    wrong time. `unreported`: it sends none. `jump`: its timestamps are others from now on; `wrap`: and soon begin anew.
    """

    after_seconds: float
    kind: Kind
    target: str
    lasts_seconds: float


def schedule(seed: int, kills: int, deaths: Sequence[Pair] = DEATHS, changes: Sequence[Pair] = CHANGES) -> list[Fault]:
    """Return `kills` faults of `deaths`, with one of `changes` after every second.

    Both are dealt like cards, so that every pair comes once before any comes again.
    """
    dice = random.Random(seed)
    killing, changing = _dealt(dice, deaths), _dealt(dice, changes)
    pairs: list[Pair] = []
    for number in range(1, kills + 1):
        pairs.append(next(killing))
        if number % 2 == 0 and changes:
            pairs.append(next(changing))
    return [
        Fault(dice.uniform(*GAP_SECONDS), kind, target, dice.uniform(*LASTS_SECONDS[kind]))
        for kind, target in pairs
    ]  # fmt: skip


def camera_schedule(seed: int, times: int, pairs: Sequence[Pair] = CAMERA_FAULTS) -> list[Fault]:
    """Return faults of cameras, dealt as those of processes are; they come beside them."""
    dice = random.Random(f"cameras {seed}")
    return [
        Fault(dice.uniform(*GAP_SECONDS), kind, target, dice.uniform(*LASTS_SECONDS[kind]))
        for kind, target in islice(_dealt(dice, pairs), times)
    ]  # fmt: skip


def _dealt(dice: random.Random, cards: Sequence[Pair]) -> Iterator[Pair]:
    while cards:
        deck = list(cards)
        dice.shuffle(deck)
        yield from deck
