"""Memory of the processes of a running stack."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import psutil

MB: Final = 1024 * 1024

BUDGET_MB: Final = {
    "kafka": 400, "milvus": 1024, "decoder": 150, "embedder": 500, "indexer-live": 220, "indexer-bulk": 220, "query": 500,
}  # fmt: skip
"""What each process of the idle local stack may take; all together 2.5 GB."""
WHOLE_MB: Final = 2560


@dataclass(frozen=True)
class Memory:
    """A part's proportional share of memory now, and the most that any of its processes has had resident, in MB."""

    part: str
    now_mb: float
    peak_mb: float


def part_of(process: psutil.Process) -> str | None:
    """Return which part of the stack a process is, or None for one that is none of it."""
    line = " ".join(process.cmdline())
    if "kafka.Kafka" in line:
        return "kafka"
    if "milvus run standalone" in line or "milvus_fence" in line:
        return "milvus"
    if "services.indexer" in line:
        return f"indexer-{process.environ().get('FRAMEBUS_INDEXER_LANE', '')}"
    return next((name for name in ("decoder", "embedder", "query") if f"services.{name}" in line), None)


def memory(stack: psutil.Process) -> list[Memory]:
    """Return the memory of every part of a running stack."""
    parts: dict[str, list[psutil.Process]] = {}
    for process in stack.children(recursive=True):
        if part := part_of(process):
            parts.setdefault(part, []).append(process)
    return [
        Memory(part, sum(p.memory_full_info().pss for p in found) / MB, max(map(peak_mb, found)))
        for part, found in sorted(parts.items())
    ]


def peak_mb(process: psutil.Process) -> float:
    """Return the largest resident size that a process has had."""
    lines = _status(process.pid)
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)


def cpu_seconds(stack: psutil.Process) -> dict[str, float]:
    """Return the processor seconds that every part of a running stack has used so far."""
    used: dict[str, float] = {}
    for process in stack.children(recursive=True):
        if part := part_of(process):
            times = process.cpu_times()
            used[part] = used.get(part, 0.0) + times.user + times.system
    return used


def _status(pid: int) -> Iterator[str]:
    with open(f"/proc/{pid}/status") as lines:  # noqa: PTH123  a file of the kernel
        yield from lines
