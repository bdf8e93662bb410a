"""The sources of a soak, and what happens to them: cameras that come and go, a small film now and then."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.soak.sampler import Note
from bench.soak.schedule import Act, Kind
from framebus.client import Client, FramebusError

STARTING_SECONDS: Final = 180.0
KEPT_DAYS: Final = 8 / (24 * 60)
"""Eight minutes of recordings and rows: after the warm-up as much goes as comes."""
FILM_FPS: Final = 2.0


class Load:
    """Everything that is asked of a stack about its sources. The first camera is only watched."""

    def __init__(self, client: Client, cameras: Mapping[str, str], film: Path) -> None:
        self._client, self._cameras, self._film = client, cameras, film
        self._names = list(cameras)

    @property
    def watched(self) -> str:
        """The camera that nothing happens to."""
        return self._names[0]

    def begin(self) -> None:
        """Add all cameras and wait until each has a row that can be found."""
        for name in self._names:
            self._add(name)
        for _ in self._client.wait(self._names, STARTING_SECONDS):
            pass

    def live(self, acts: Sequence[Act], note: Note, stopping: threading.Event) -> None:
        """Do everything in its time; what is refused is noted, and the rest is done."""
        began = time.monotonic()
        for act in acts:
            if stopping.wait(max(0.0, began + act.at_seconds - time.monotonic())):
                return
            note("act", act.kind, act.place)
            with noting_failure(note, act.kind):
                self._acts[act.kind](act.place)

    def end(self, note: Note) -> None:
        """Say which cameras do not run, then pause all of them."""
        for name in self._names:
            with noting_failure(note, "at the end"):
                source = self._client.source(name)
                if source.state != "running":
                    note("failed", f"{name} is {source.state} at the end ({source.error})", 1)
                self._client.pause(name)

    @property
    def _acts(self) -> Mapping[Kind, Callable[[int], object]]:
        return {
            "pause": lambda place: self._client.pause(self._names[place]),
            "resume": lambda place: self._client.resume(self._names[place]),
            "remove": lambda place: self._client.remove(self._names[place]),
            "add": lambda place: self._add(self._names[place]),
            "import": lambda place: self._client.add(self._film, f"film-{place + 1}", sample_fps=FILM_FPS),
            "forget": lambda place: self._forget(f"film-{place + 1}"),
        }

    def _add(self, name: str) -> None:
        self._client.add(self._cameras[name], name, sample_fps=1.0, keep_days=KEPT_DAYS)

    def _forget(self, film: str) -> None:
        state = self._client.source(film).state
        self._client.remove(film)
        if state != "indexed":
            raise FramebusError(f"{film} was {state} minutes after it was added")


@contextmanager
def noting_failure(note: Note, what: str) -> Iterator[None]:
    """Note what is refused in the block, and go on."""
    try:
        yield
    except FramebusError as error:
        note("failed", f"{what}: {error}", 1)
