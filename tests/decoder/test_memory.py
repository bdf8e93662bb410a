"""What threads have freed leaves the process. In a process of its own: pytest's other threads hold memory too."""

import platform
import subprocess
import sys

import pytest

FREED = """
import ctypes
import os
import threading
from pathlib import Path
from services.decoder.memory import FreeMemory

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


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another library keeps memory otherwise")
def test_what_an_ended_thread_has_freed_is_given_back() -> None:
    shown = subprocess.run([sys.executable, "-c", FREED], check=True, capture_output=True, text=True, timeout=60).stdout
    kept_mb, left_mb = map(int, shown.split())
    assert kept_mb >= 30
    assert left_mb <= 8
