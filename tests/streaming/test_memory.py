"""Threads share arenas, and what they have freed leaves the process. Seen in processes of their own: pytest has threads too."""

import platform
import subprocess
import sys

import pytest

from streaming.memory import ARENAS

SHARED = """
import ctypes
import threading
from streaming.memory import FreeMemory

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.fopen.restype = ctypes.c_void_p

def show_arenas():
    output = ctypes.c_void_p(libc.fopen(b"/dev/stdout", b"w"))
    libc.malloc_info(0, output)
    libc.fclose(output)

def work():
    libc.malloc(1 << 10)
    together.wait()

if {memory}:
    FreeMemory()
together = threading.Barrier(6)
threads = [threading.Thread(target=work) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
show_arenas()
"""

FREED = """
import ctypes
import os
import threading
from pathlib import Path
from streaming.memory import FreeMemory

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]

def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20

def work():
    taken = [libc.malloc(1 << 16) for _ in range(640)]
    for at in taken:
        ctypes.memset(at, 1, 1 << 16)
    for at in taken[:-1]:  # the last one holds the end of the arena in its place
        libc.free(at)

begins = resident_mb()
thread = threading.Thread(target=work)
thread.start()
thread.join()
kept = resident_mb() - begins
FreeMemory().give_back()
print(kept, resident_mb() - begins)
"""

MAPPED = """
import ctypes
from streaming.memory import FRAMES_BYTES, FreeMemory

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
FreeMemory({mapped_bytes})
libc.free(libc.malloc(1 << 20))
size_and_flags = ctypes.c_size_t.from_address(libc.malloc(1 << 19) - ctypes.sizeof(ctypes.c_size_t)).value
print(size_and_flags >> 1 & 1)
"""

of_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another library keeps memory otherwise")


@of_glibc
def test_what_an_ended_thread_has_freed_is_given_back() -> None:
    kept_mb, left_mb = map(int, shown_by(FREED).split())
    assert kept_mb >= 30
    assert left_mb <= 8


@of_glibc
def test_threads_share_arenas() -> None:
    assert shown_by(SHARED.format(memory=False)).count("<heap nr=") > ARENAS, "glibc makes one for each thread"
    assert shown_by(SHARED.format(memory=True)).count("<heap nr=") == ARENAS


@of_glibc
def test_blocks_are_mapped_from_the_size_on_that_is_said() -> None:
    assert shown_by(MAPPED.format(mapped_bytes="")).strip() == "0", "once a larger one was freed glibc does not"
    assert shown_by(MAPPED.format(mapped_bytes="FRAMES_BYTES")).strip() == "1"


def shown_by(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60).stdout
