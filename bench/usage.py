"""What a process uses while the bench looks on."""

import time
from dataclasses import dataclass

import psutil

from bench.processes import MB


@dataclass(frozen=True)
class Usage:
    """A stretch of a process's life: cores in use on average, then its proportional share of memory and its threads.

    `machine_cores` are those in use by all processes together: much more than those of the bench is a disturbed measurement.
    """

    began_ms: float
    ended_ms: float
    cores: float
    memory_mb: float
    threads: int
    machine_cores: float


def watch(process: psutil.Process, seconds: float) -> Usage:
    """Look on for so many seconds."""
    began_ms, began, before, all_before = time.time() * 1000, time.perf_counter(), _cpu_seconds(process), busy_seconds()
    time.sleep(seconds)
    passed = time.perf_counter() - began
    cores, all_cores = (_cpu_seconds(process) - before) / passed, (busy_seconds() - all_before) / passed
    memory_mb = process.memory_full_info().pss / MB
    return Usage(began_ms, time.time() * 1000, cores, memory_mb, process.num_threads(), all_cores)


def busy_seconds() -> float:
    """Return the processor seconds that the machine has used so far."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
