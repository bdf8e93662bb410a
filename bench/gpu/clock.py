"""Time on the device: a GPU's own events, without one the clock of the wall."""

import time
from collections.abc import Callable
from statistics import median
from typing import Final

import torch

DEVICE: Final = torch.device("cuda" if torch.cuda.is_available() else "cpu")
WARM_RUNS: Final = 3
LEAST_RUNS, MOST_RUNS = 5, 300
DENSE_FLOPS: Final = {"H100 80GB HBM3": 989.4e12, "H200": 989.4e12, "A100-SXM4": 312e12}
"""bf16 without sparsity, of NVIDIA's data sheets, by a part of the device's name."""


def median_seconds(run: Callable[[], object], budget_seconds: float) -> float:
    """Return what `run` takes, the median of runs that fill about `budget_seconds`, after a few that are not counted."""
    for _ in range(WARM_RUNS):
        run()
    settle()
    began = time.perf_counter()
    run()
    settle()
    count = int(budget_seconds / (time.perf_counter() - began))
    count = max(LEAST_RUNS, min(MOST_RUNS, count))
    return _by_events(run, count) if DEVICE.type == "cuda" else _by_the_wall(run, count)


def settle() -> None:
    """Wait until the device has done what it was given."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def device_name() -> str:
    """Return what the device calls itself."""
    return torch.cuda.get_device_name() if DEVICE.type == "cuda" else "CPU"


def dense_flops() -> float | None:
    """Return operations a second that the maker promises, None where that is not known here."""
    return next((flops for part, flops in DENSE_FLOPS.items() if part in device_name()), None)


def matmul_flops(side: int, budget_seconds: float) -> float:
    """Return operations a second of one large product of bfloat16 matrices with random numbers."""
    a, b = (torch.randn(side, side, device=DEVICE).to(torch.bfloat16) for _ in range(2))
    return 2 * side**3 / median_seconds(lambda: torch.mm(a, b), budget_seconds)


def _by_events(run: Callable[[], object], count: int) -> float:
    pairs = [(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(count)]
    for before, after in pairs:
        before.record()
        run()
        after.record()
    settle()
    return float(median(before.elapsed_time(after) for before, after in pairs)) / 1000


def _by_the_wall(run: Callable[[], object], count: int) -> float:
    seconds = []
    for _ in range(count):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return median(seconds)
