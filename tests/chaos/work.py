"""Keeps a fleet at work: files one after the other, cameras all the time."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from framebus.client import Client, FramebusError
from tests.chaos.films import FILM_FPS, Film

AT_ONCE: Final = 2
CAMERA_FPS: Final = 2.0


class Work:
    """What is asked of a fleet. Query may be away at any time: what it does not answer is asked again at the next turn.

    Attributes:
        added: the film behind every file that was added.
        done: files that query calls indexed.
    """

    def __init__(self, client: Client, films: Sequence[Film], cameras: dict[str, str], prefix: str) -> None:
        self.added: dict[str, Film] = {}
        self.done: set[str] = set()
        self.cameras = cameras
        self._client, self._films, self._prefix = client, films, prefix
        self._watched: set[str] = set()
        self._paused: set[str] = set()
        self._adds = True
        self._is_ending = False

    def turn(self) -> None:
        """See what is done; add what is to be added, or end what is to be ended."""
        with suppress(FramebusError):
            self._settle_files()
            if self._is_ending:
                self._end_cameras()
            else:
                self._begin_cameras()
                self._keep_busy()

    def add_no_more(self) -> None:
        """Add no more files."""
        self._adds = False

    def end(self) -> None:
        """Pause the cameras, so that their last runs are ended."""
        self._is_ending = True

    def has_begun(self) -> bool:
        """Return whether a first file was added, and all cameras."""
        return len(self.added) >= min(1, len(self._films)) and self._watched == self.cameras.keys()

    def files_wait(self) -> bool:
        """Return whether a file is not indexed yet."""
        return len(self.done) < len(self.added)

    def cameras_run(self) -> bool:
        """Return whether cameras are to be watched."""
        return bool(self._watched) and not self._is_ending

    def unfinished(self) -> list[str]:
        """Return what is not done yet; nothing once all files are indexed and all cameras paused."""
        return [*sorted(self.added.keys() - self.done), *sorted(self.cameras.keys() - self._paused)]

    def _settle_files(self) -> None:
        for source_id in sorted(self.added.keys() - self.done):
            if self._client.source(source_id).state == "indexed":
                self.done.add(source_id)

    def _keep_busy(self) -> None:
        while self._adds and self._films and len(self.added) - len(self.done) < AT_ONCE:
            number = len(self.added)
            source_id, film = f"{self._prefix}-{number + 1}", self._films[number % len(self._films)]
            self._client.add(film.path, source_id, sample_fps=FILM_FPS)
            self.added[source_id] = film

    def _begin_cameras(self) -> None:
        for source_id in sorted(self.cameras.keys() - self._watched):
            self._client.add(self.cameras[source_id], source_id, sample_fps=CAMERA_FPS)
            self._watched.add(source_id)

    def _end_cameras(self) -> None:
        for source_id in sorted(self.cameras.keys() - self._paused):
            self._client.pause(source_id)
            self._paused.add(source_id)
