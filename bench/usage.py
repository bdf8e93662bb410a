"""What a process uses while the bench looks on."""

import time
from dataclasses import dataclass

import psutil

from bench.processes import MB


@dataclass(frozen=True)
class Usage:
    """A stretch of a process's life: cores in use on average, then its proportional share of memory and its threads."""

    began_ms: float
    ended_ms: float
    cores: float
    memory_mb: float
    threads: int


def watch(process: psutil.Process, seconds: float) -> Usage:
    """Look on for so many seconds."""
    began_ms, began, before = time.time() * 1000, time.perf_counter(), _cpu_seconds(process)
    time.sleep(seconds)
    cores = (_cpu_seconds(process) - before) / (time.perf_counter() - began)
    return Usage(began_ms, time.time() * 1000, cores, process.memory_full_info().pss / MB, process.num_threads())


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
