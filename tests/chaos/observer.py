"""Watches the index grow, and what a background thread of a run is."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import grpc  # type: ignore[import-untyped]
from pymilvus import MilvusClient, MilvusException

from schemas.collection import ALIAS
from tests.chaos.stalls import Look

ANSWER_SECONDS: Final = 3.0
logging.getLogger("pymilvus").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Watched:
    """Sources whose names begin alike. `waits` says whether there is work of theirs."""

    prefix: str
    waits: Callable[[], bool]


class Observer:
    """Counts the rows of sources again and again, over a way of its own to Milvus."""

    def __init__(self, milvus: str, watched: Mapping[str, Watched]) -> None:
        self.looks: dict[str, list[Look]] = {name: [] for name in watched}
        self._milvus, self._watched = milvus, watched
        self._client: MilvusClient | None = None

    def all_have_rows(self) -> bool:
        """Return whether a row of everything that is watched was seen."""
        return all(any(look.rows for look in looks) for looks in self.looks.values())

    def look(self) -> None:
        """Count once."""
        for name, watched in self._watched.items():
            rows = self._count(watched.prefix)
            self.looks[name].append(Look(time.monotonic(), rows, watched.waits()))

    def close(self) -> None:
        """End the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _count(self, prefix: str) -> int | None:
        try:
            self._client = self._client or MilvusClient(self._milvus, timeout=ANSWER_SECONDS)
            counted = self._client.query(
                ALIAS, filter=f'source_id like "{prefix}%"', output_fields=["count(*)"], timeout=ANSWER_SECONDS
            )  # fmt: skip
            return int(counted[0]["count(*)"])
        except (MilvusException, grpc.RpcError):  # a deadline comes as it is
            self.close()
            return None


@contextmanager
def repeated(seconds: float, act: Callable[[], None]) -> Iterator[None]:
    """Call `act` again and again in a thread of its own while the block runs; what it raised is raised at the end."""
    stopping, failures = threading.Event(), list[BaseException]()

    def loop() -> None:
        try:
            while not stopping.wait(seconds):
                act()
        except BaseException as error:  # noqa: BLE001  raised below
            failures.append(error)

    thread = threading.Thread(target=loop, name=act.__qualname__, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
    if failures:
        raise failures[0]
