"""Asking for parts to be decoded again, a bounded number at a time, until each has come whole or cannot. Pure.

An answer counts when it has come whole and its rows are confirmed. What does not come is asked for again as a larger run, so that
what is left of an earlier try is dropped (docs/decisions/0017).
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from schemas.headers import EmbeddingHeaders
from services.indexer.beyond import Part

AHEAD: Final = 64
TRIES: Final = 3
AGAIN_SECONDS: Final = (1.0, 10.0)
"""After a try that has failed: a file server may be away for a moment."""
SILENT_SECONDS: Final = 3600.0
"""When nothing was heard of any part for so long, those in question are asked for again: their frames may have left the log."""
LOST: Final = "a part of it was lost on its way"


@dataclass
class _Asked:
    part: Part
    tries: int
    run: int
    newest: tuple[int, int] = (-1, -1)
    samples: int = 0
    is_complete: bool = False


@dataclass(frozen=True, slots=True)
class Lacking:
    """A part that could not be decoded again, or not all of it."""

    part: Part
    why: str


class Asking:
    """`now` is a time of `time.monotonic`, `run` what a try's samples are sent as: larger than that of any try before."""

    def __init__(self, ahead: int = AHEAD) -> None:
        self._ahead = ahead
        self._waiting: deque[tuple[float, Part, int]] = deque()
        self._asked: dict[str, _Asked] = {}
        self._heard_at = 0.0
        self.lacking: list[Lacking] = []
        self.done = 0

    @property
    def left(self) -> int:
        """How many parts are still to come."""
        return len(self._waiting) + len(self._asked)

    def quiet_seconds(self, now: float) -> float:
        """For how long nothing was heard of any part that is asked for."""
        return now - self._heard_at if self._asked else 0.0

    def add(self, parts: Iterable[Part], due_at: float) -> None:
        """Ask for these, not before `due_at`."""
        self._waiting.extend((due_at, part, 1) for part in parts)

    def due(self, now: float, run: int, is_over: Callable[[Part], bool]) -> Iterator[Part]:
        """Yield what is to be asked for now, as this run. Of lives that are over nothing is, nor is it awaited any more."""
        self._asked = {stream: asked for stream, asked in self._asked.items() if not is_over(asked.part)}
        self.lacking = [lacking for lacking in self.lacking if not is_over(lacking.part)]
        if not self._asked:
            self._heard_at = now
        if now - self._heard_at > SILENT_SECONDS:
            self._waiting.extendleft((now, asked.part, asked.tries) for asked in self._asked.values())
            self._asked, self._heard_at = {}, now
        for _ in range(len(self._waiting)):
            if len(self._asked) >= self._ahead:
                return
            due_at, part, tries = self._waiting.popleft()
            if is_over(part):
                continue
            if due_at > now or part.stream in self._asked:
                self._waiting.append((due_at, part, tries))
            else:
                self._asked[part.stream] = _Asked(part, tries, run)
                yield part

    def hear(self, headers: EmbeddingHeaders, now: float) -> bool:
        """Take one record that was decoded again; whether it is of a part that is asked for."""
        asked = self._asked.get(headers.stream)
        if asked is None or headers.run is None or headers.run < asked.run:
            return asked is not None
        self._heard_at = now
        if headers.mark == "run_end":
            self._try_again(asked, headers.lacks or LOST, now)
        elif headers.mark == "stream_end":
            self._end(asked, headers, now)
        elif headers.seq is not None and (headers.run, headers.seq) > asked.newest:
            asked.newest, asked.samples = (headers.run, headers.seq), asked.samples + 1
        return True

    def confirmed(self, stream: str) -> None:
        """Take a stream out of what is waited for: its rows are confirmed."""
        if stream in self._asked and self._asked[stream].is_complete:
            del self._asked[stream]
            self.done += 1

    def _end(self, asked: _Asked, headers: EmbeddingHeaders, now: float) -> None:
        if asked.is_complete:
            return None
        if asked.samples != headers.samples:
            return self._try_again(asked, LOST, now)
        asked.is_complete = True
        if headers.lacks is not None:
            self.lacking.append(Lacking(asked.part, headers.lacks))
        return None

    def _try_again(self, asked: _Asked, why: str, now: float) -> None:
        del self._asked[asked.part.stream]
        if asked.tries == TRIES:
            self.lacking.append(Lacking(asked.part, why))
        else:
            self._waiting.append((now + AGAIN_SECONDS[asked.tries - 1], asked.part, asked.tries + 1))
