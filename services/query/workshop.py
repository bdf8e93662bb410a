"""Blocking work off the event loop: few threads, a bounded queue, and equal requests done once."""

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from services.query.problems import unavailable

T = TypeVar("T")


class Workshop(Generic[T]):
    """`threads` pieces of work at a time, at most `waiting_limit` in hand; more are refused with 503."""

    def __init__(self, name: str, threads: int, waiting_limit: int) -> None:
        self._name = name
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._waiting_limit = waiting_limit
        self._in_hand: dict[Hashable, asyncio.Future[T]] = {}

    async def do(self, key: Hashable, work: Callable[[], T]) -> T:
        """Return what `work` returns. Who asks for a `key` that is in hand waits for it; a caller that leaves stops nothing."""
        future = self._in_hand.get(key)
        if future is None:
            if len(self._in_hand) >= self._waiting_limit:
                raise unavailable(f"{self._name}: {self._waiting_limit} are being made already, ask again in a moment")
            future = asyncio.get_running_loop().run_in_executor(self._pool, work)
            self._in_hand[key] = future
            future.add_done_callback(lambda done: self._put_down(key, done))
        return await asyncio.shield(future)

    def close(self) -> None:
        """Drop what waits and end when the threads have finished what they hold."""
        self._pool.shutdown(cancel_futures=True)

    def _put_down(self, key: Hashable, done: asyncio.Future[T]) -> None:
        del self._in_hand[key]
        if not done.cancelled():
            done.exception()  # its caller may have left: then nobody else asks
