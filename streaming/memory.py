"""glibc: memory that is free in the process goes back to the system.

Threads that come and go, as those of captures, chunks and searches do, each take the arena that is free at that moment, and glibc
makes as many as eight times the cores. What is freed stays in each of them: a process slowly grows by what nobody uses.
"""

import ctypes
import time
from typing import Final

EVERY_SECONDS: Final = 10.0
ARENAS: Final = 2
"""One for threads that hold the interpreter, which are one at a time, and one for FFmpeg's, which allocate seldom."""
FRAMES_BYTES: Final = 1 << 16
"""From this size on, who has to do with films has blocks mapped, each for itself: frames, planes of them, tables of decoders.

In an arena they leave holes between what stays, which the next film of another size does not fit into. When ten cameras had
been removed and added again more than sixty times, and then more than twenty films read, the decoder held 78 MB beside its files;
with these mapped, 74. Reading a film at five samples a second takes 1.04 times the processor time (1.01 … 1.13 at 640x360, 1.00 …
1.09 at 1080p, ten and eight pairs in turns).
"""
M_MMAP_THRESHOLD: Final = -3
M_ARENA_MAX: Final = -8
"""Both of malloc.h."""


class FreeMemory:
    """Lets all threads share few arenas from its making on, and gives back what is free every ten seconds, in a few milliseconds.

    Blocks of `mapped_bytes` and larger are mapped, and gone when they are freed. Where it is not said glibc maps from 128 KB on,
    but no more of a size that was freed once.

    To be made before the threads are. Does nothing where the system's library is another.
    """

    def __init__(self, mapped_bytes: int | None = None) -> None:
        library = ctypes.CDLL(None)
        self._trim = getattr(library, "malloc_trim", None)
        self._next = time.monotonic() + EVERY_SECONDS
        if self._trim is not None:
            library.mallopt(M_ARENA_MAX, ARENAS)
            if mapped_bytes is not None:
                library.mallopt(M_MMAP_THRESHOLD, mapped_bytes)

    def give_back_when_due(self) -> None:
        """To be called again and again."""
        if time.monotonic() >= self._next:
            self.give_back()
            self._next = time.monotonic() + EVERY_SECONDS

    def give_back(self) -> None:
        """Give back whole free pages of all arenas; other threads of Python go on meanwhile."""
        if self._trim is not None:
            self._trim(ctypes.c_size_t(0))
