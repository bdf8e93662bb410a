"""How many cameras a core bears: CPU, memory, threads, samples and lateness of one decoder on 10, 50, 100 looping cameras."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.bus import Bus, Sample
from bench.chart import Panel, write_chart
from bench.footage import write_camera_clip
from bench.served import looping
from bench.usage import Usage, watch

MEMORY_TARGET_MB: Final = 25.0
SIZES: Final = {"640x360": (640, 360), "1920x1080": (1920, 1080)}
SETTLING_SECONDS: Final = 8.0
PERIOD_MS: Final = 1000


@dataclass(frozen=True)
class Level:
    """A decoder with so many cameras."""

    cameras: int
    usage: Usage
    server_cores: float
    samples_per_second: float
    late_ms: tuple[float, float]

    @property
    def keeps_up(self) -> bool:
        """Whether nearly every camera gave its sample every second, and before the next one was due."""
        return self.samples_per_second >= 0.99 * self.cameras and self.late_ms[1] < PERIOD_MS


def measure(folder: Path, screen: Console, *, levels: Sequence[int], seconds: float, plot: Path | None) -> None:
    """Print a table for each size of picture; everything is recorded."""
    measured: dict[str, list[Level]] = {}
    for name, size in SIZES.items():
        clip = write_camera_clip(folder / f"{name}.mp4", size, 1)
        idle, found = _measure_size(folder / f"fleet-{name}", clip, levels, seconds)
        measured[name] = found
        _print(screen, name, idle, found)
    if plot is not None:
        _plot(plot, measured)


def _measure_size(home: Path, clip: Path, levels: Sequence[int], seconds: float) -> tuple[Usage, list[Level]]:
    with Bus(home) as bus:
        with bus.capturing({}, record=True) as process:
            time.sleep(SETTLING_SECONDS)
            idle = watch(process, seconds)
        found: list[Level] = []
        for cameras in levels:
            if not found or found[-1].keeps_up:  # what is beyond this machine says nothing
                found.append(_level(bus, clip, cameras, seconds))
        return idle, found


def _level(bus: Bus, clip: Path, cameras: int, seconds: float) -> Level:
    with looping(clip, cameras) as served, bus.capturing(served.urls, record=True) as process:
        time.sleep(SETTLING_SECONDS)
        before = served.process.cpu_times()
        usage = watch(process, seconds)
        after = served.process.cpu_times()
        time.sleep(1.0)
        samples = [one for one in bus.samples() if usage.began_ms <= one.handed_ms < usage.ended_ms]
    server = (after.user + after.system - before.user - before.system) / seconds
    rate = 1000 * len(samples) / (usage.ended_ms - usage.began_ms)
    return Level(cameras, usage, server, rate, _lateness(samples))


def _lateness(samples: Sequence[Sample]) -> tuple[float, float]:
    """Return p50 and p95 of the milliseconds from capture to being handed to Kafka."""
    median, high = np.percentile([sample.handed_ms - sample.t_ms for sample in samples], [50, 95])
    return float(median), float(high)


def _print(screen: Console, name: str, idle: Usage, levels: Sequence[Level]) -> None:
    table = Table(title=f"One decoder, cameras of {name}, H.264, 25 fps, GOP 1 s, 1 sample/s, recorded")
    columns = ("cameras", "cores", "% of a core each", "cameras a core", "memory, MB", "MB each", "threads", "samples/s")
    for column in (*columns, "capture → Kafka p50, ms", "p95, ms", "camera server, cores", "machine, cores"):
        table.add_column(column, justify="right")
    idle_row = (
        f"{idle.cores:.3f}",
        "",
        "",
        f"{idle.memory_mb:.0f}",
        "",
        f"{idle.threads}",
        "",
        "",
        "",
        "",
        f"{idle.machine_cores:.2f}",
    )
    table.add_row("0", *idle_row)
    for level in levels:
        each = level.usage.cores / level.cameras
        table.add_row(
            f"{level.cameras}",
            f"{level.usage.cores:.2f}",
            f"{100 * each:.2f}",
            f"{1 / each:.0f}" if level.keeps_up else "",
            f"{level.usage.memory_mb:.0f}",
            f"{_memory_each(idle, level):.1f}",
            f"{level.usage.threads}",
            f"{level.samples_per_second:.1f}{'' if level.keeps_up else ' (behind)'}",
            f"{level.late_ms[0]:.0f}",
            f"{level.late_ms[1]:.0f}",
            f"{level.server_cores:.2f}",
            f"{level.usage.machine_cores:.2f}",
        )
    screen.print(table)
    worst = max(_memory_each(idle, level) for level in levels)
    verdict = "met" if worst <= MEMORY_TARGET_MB else "MISSED"
    target = f"target ≤ {MEMORY_TARGET_MB:g}: {verdict}"
    screen.print(f"Memory of a {name} camera on top of the decoder's own: {worst:.1f} MB, {target}")


def _memory_each(idle: Usage, level: Level) -> float:
    return (level.usage.memory_mb - idle.memory_mb) / level.cameras


def _plot(path: Path, measured: dict[str, list[Level]]) -> None:
    """Draw the levels that this machine bears."""
    across = "cameras"
    measured = {name: [level for level in levels if level.keeps_up] for name, levels in measured.items()}
    cores = {name: [(one.cameras, one.usage.cores) for one in levels] for name, levels in measured.items()}
    memory = {name: [(one.cameras, one.usage.memory_mb) for one in levels] for name, levels in measured.items()}
    late = {name: [(one.cameras, one.late_ms[1]) for one in levels] for name, levels in measured.items()}
    panels = (
        Panel("decoder, cores in use", across, cores),
        Panel("memory, MB", across, memory),
        Panel("capture → Kafka, p95, ms", across, late),
    )
    write_chart(path, panels)
