"""What becomes of sources whose lives end: scripts, and what is known of a source while its script is played. Pure."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from tests.chaos.late import Over
from tests.comparison import Vector

Step = Literal["add", "change", "remove", "look", "late", "letter", "replay"]

SCRIPTS: Final[Mapping[str, Sequence[Step]]] = {
    "file-again": ("add", "look", "remove", "late", "add", "late", "change", "late"),
    "file-gone": ("add", "letter", "replay", "remove", "replay", "late"),
    "file-elsewhere": ("add", "letter", "look", "add", "replay", "late"),
    "camera-again": ("add", "look", "change", "remove", "late", "add", "late"),
    "camera-gone": ("add", "letter", "replay", "look", "remove", "late"),
}
"""`add`: with the next address. `change`: the rate alone. `look`: have a thumbnail and a clip made. `late`: what a life that is
over might still send. `letter`: a dead letter of the life in force, and `replay`: have all of them sent again."""

FILE_FREE_MS: Final = 9_000_000
"""No film of ours is so long."""


@dataclass(frozen=True)
class Wish:
    """What a source is to be. `rows` holds those of a file by t_ms; None for a camera."""

    address: str
    sample_fps: float
    rows: Mapping[int, Vector] | None = None
    record: bool = True


@dataclass
class Mover:
    """A source and what is still to be done with it.

    Attributes:
        wish: what it is now, None before it was added and once it was removed.
        life: the last life that it has had, which was in force at `seen_ms`.
        over: the lives that are over.
        letters: ids of its dead letters.
        is_sampled: its camera was seen to have a row since the last wish.
        is_settled: its file is indexed, or its camera paused.
    """

    source_id: str
    is_camera: bool
    steps: deque[Step]
    wishes: deque[Wish]
    due_at: float = 0.0
    wish: Wish | None = None
    life: int = 0
    seen_ms: int = 0
    over: list[Over] = field(default_factory=list)
    letters: list[str] = field(default_factory=list)
    is_sampled: bool = False
    is_settled: bool = False

    @property
    def in_force(self) -> int | None:
        """The life in force; None for a source that is removed."""
        return None if self.wish is None else self.life

    def lives_on(self, life: int, now_ms: int) -> None:
        """Note that its next wish was granted, in this life."""
        if 0 < self.life < life and self.wish is not None:
            self._end(now_ms)
        self.wish, self.life, self.seen_ms = self.wishes.popleft(), life, now_ms
        self.is_sampled = self.is_settled = False

    def is_removed(self, now_ms: int) -> None:
        """Note that it was removed."""
        self._end(now_ms)
        self.wish = None

    def _end(self, now_ms: int) -> None:
        free_ms = now_ms if self.is_camera else FILE_FREE_MS
        self.over.append(Over(self.source_id, self.life, self.seen_ms, free_ms))
