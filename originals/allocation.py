"""FFmpeg: how much memory it may take. Four bytes of a header claim a hundred million samples, and room is made for their index
before the first is read; a file has a thousand such headers.
"""

import ctypes
import os
import threading
from pathlib import Path
from typing import Final

import av

from schemas.limits import JPEG_PIXELS_LIMIT
from streaming.logs import get_logger

MOST_BYTES: Final = 8 * JPEG_PIXELS_LIMIT
"""The largest picture that is decoded has six bytes a pixel in its richest format; the index of a day of video is smaller."""
LIBRARY: Final = "libavutil"
HELD_BACK_BYTES: Final = 1 << 20
MOST_GROWN_BYTES: Final = 2 << 30
"""The pictures that a decoder of 8K keeps to refer to take less."""
USUAL_GROWTH_BYTES: Final = 32 << 20
"""A second. What grows more slowly becomes what is usual: models are loaded, and cameras come."""
LOOK_SECONDS: Final = 0.1
STATM: Final = Path("/proc/self/statm")

log = get_logger("allocation")


def limit_allocations(most_bytes: int = MOST_BYTES) -> bool:
    """Let every allocation of this process's FFmpeg above `most_bytes` fail; False where its library is not found.

    PyAV has no name for `av_max_alloc`, so it is called in the library that PyAV has loaded, and in those of others beside it.
    """
    mapped = Path("/proc/self/maps")
    lines = mapped.read_text().splitlines() if mapped.exists() else []
    paths = {line.split(maxsplit=5)[5] for line in lines if LIBRARY in line}
    for path in paths:
        function = ctypes.CDLL(path).av_max_alloc
        function.argtypes, function.restype = [ctypes.c_size_t], None
        function(most_bytes)
    if not paths:
        log.warning("memory of FFmpeg is not limited", av=av.__version__, reason=f"no {LIBRARY} is loaded")
    return bool(paths)


class Growth:
    """How much more memory is taken than is usual. Pure: the usual follows what is taken, down at once and up slowly."""

    def __init__(self, taken_bytes: int) -> None:
        self._usual_bytes = taken_bytes

    def after(self, seconds: float, taken_bytes: int) -> int:
        """Return the growth in bytes, `seconds` after the last call."""
        self._usual_bytes = min(taken_bytes, self._usual_bytes + int(USUAL_GROWTH_BYTES * seconds))
        return taken_bytes - self._usual_bytes


class MemoryGuard:
    """A thread that holds FFmpeg back while the process grows too fast: each allocation above a megabyte fails, so whoever takes
    the memory fails and gives it back, which others beside it may see as a failure too. Does nothing where /proc is missing.
    """

    def __init__(self, most_grown_bytes: int = MOST_GROWN_BYTES) -> None:
        self._most_grown_bytes = most_grown_bytes
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="memory", daemon=True)

    def start(self) -> None:
        """Limit single allocations, and begin to look."""
        limit_allocations(MOST_BYTES)
        if STATM.exists():
            self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()

    def watch(self) -> None:
        """Raise when the thread has died; its stack trace was printed when it did."""
        if self._thread.ident is not None and not self._thread.is_alive() and not self._stopping.is_set():
            raise RuntimeError("the thread that guards memory has ended by itself; its stack trace is above")

    def _work(self) -> None:
        growth, is_held_back = Growth(_taken_bytes()), False
        while not self._stopping.wait(LOOK_SECONDS):
            grown = growth.after(LOOK_SECONDS, _taken_bytes())
            if is_held_back != (grown > self._most_grown_bytes):
                is_held_back = not is_held_back
                limit_allocations(HELD_BACK_BYTES if is_held_back else MOST_BYTES)
                log.warning("FFmpeg is held back" if is_held_back else "FFmpeg goes on", grown_bytes=grown)


def _taken_bytes() -> int:
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
