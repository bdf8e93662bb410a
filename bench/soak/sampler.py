"""psutil and the file system: what the processes of a running stack hold at a moment, and what lies on the disk."""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from bench.processes import MB, part_of
from bench.usage import busy_seconds

Note = Callable[[str, str, float], None]
BLOCK_BYTES: Final = 512


@dataclass
class Held:
    """What all processes of a part hold together. Memory is the resident one: a proportional share moves with other programs.

    `anonymous_mb` is what of it is no page of a file, which the kernel could drop and read again.
    """

    memory_mb: float = 0.0
    anonymous_mb: float = 0.0
    handles: int = 0
    threads: int = 0
    cpu_seconds: float = 0.0
    pids: list[int] = field(default_factory=list)

    def add(self, process: psutil.Process) -> None:
        """Count a process in; one that is ending counts as far as it can be seen."""
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess), process.oneshot():
            times, memory = process.cpu_times(), process.memory_info()
            self.memory_mb += memory.rss / MB
            self.anonymous_mb += (memory.rss - getattr(memory, "shared", 0)) / MB
            self.handles += process.num_fds()
            self.threads += process.num_threads()
            self.cpu_seconds += times.user + times.system
            self.pids.append(process.pid)


def note_processes(stack: psutil.Process, others: Mapping[str, psutil.Process], note: Note) -> None:
    """Note what every part of a stack holds, and other processes beside it, and what the machine has done so far."""
    parts: dict[str, Held] = {}
    for process in stack.children(recursive=True):
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if part := part_of(process):
                parts.setdefault(part, Held()).add(process)
    for name, process in others.items():
        parts.setdefault(name, Held()).add(process)
    for part, held in parts.items():
        note("memory_mb", part, held.memory_mb)
        note("anonymous_mb", part, held.anonymous_mb)
        note("handles", part, held.handles)
        note("threads", part, held.threads)
        note("cpu_seconds", part, held.cpu_seconds)
        note("pid", part, min(held.pids, default=0))
    note("cpu_seconds", "machine", busy_seconds())


def note_disk(folders: Mapping[str, Path], note: Note) -> None:
    """Note the MB that files of each folder take on the disk; files with holes count as what is in them."""
    for name, folder in folders.items():
        # `os.walk` goes on where a folder is deleted meanwhile.
        paths = (Path(here) / file for here, _, files in os.walk(folder) for file in files)
        note("disk_mb", name, sum(map(_bytes_of, paths)) / MB)


def note_write_buffer(milvus_home: Path, note: Note) -> None:
    """Note the MB that the write buffers of Milvus's message log hold: what RocksDB has written to a file for each since it last
    emptied it, which it does at 64 MB."""
    with suppress(FileNotFoundError):
        logs = [max(folder.glob("*.log"), default=None) for folder in (milvus_home / "data").glob("rocksmq*")]
        note("write_buffer_mb", "milvus", sum(log.stat().st_size for log in logs if log is not None) / MB)


def _bytes_of(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.lstat().st_blocks * BLOCK_BYTES
    return 0
