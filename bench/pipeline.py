"""S1 and the memory budget: a file through the whole local stack, against the best single script; in turns."""

import os
import time
from pathlib import Path
from statistics import median

import psutil
from rich.console import Console
from rich.table import Table

from bench.baseline import index_with_a_script
from bench.corpus import repeat_video
from bench.processes import BUDGET_MB, WHOLE_MB, Memory, cpu_seconds, memory
from encoders.address import load
from framebus.client import Client
from framebus.demo.script import CLIPS
from framebus.demo.stack import running_stack

CLIP = CLIPS / "people-one-by-one.mp4"
SAMPLE_FPS = 2.0
TARGETS = {"pico-1": 0.5, "ViT-B/32 size": 0.85}


def measure(folder: Path, screen: Console, name: str, address: str, *, seconds: float, rounds: int) -> None:
    """Hold the pipeline against the script, in turns, and print both with the memory of the stack."""
    video = folder / f"{seconds:.0f}.mp4"
    length = repeat_video(CLIP, video, at_least_seconds=seconds)
    encoder = load(address, threads=os.cpu_count() or 1)
    encoder.warm(texts=False)
    scripts, pipelines = [], []
    with (
        running_stack(folder / f"home-{len(name)}", lambda _: None, encoder=address) as stack,
        Client(stack.url, stack.key) as client,
    ):
        root = psutil.Process(stack.process.pid)
        idle = memory(root)
        for turn in range(rounds):
            scripts.append(length / index_with_a_script(video, encoder, SAMPLE_FPS)[0])
            before = cpu_seconds(root)
            pipelines.append(length / index_with_the_pipeline(client, video, f"bench-{turn}"))
            after = cpu_seconds(root)
        used = {part: (after[part] - before.get(part, 0.0)) / length for part in after}
        _print_speed(screen, name, length, scripts, pipelines)
        _print_memory(screen, name, idle, memory(root), used)


def index_with_the_pipeline(client: Client, video: Path, source_id: str) -> float:
    """Return the wall seconds from `add` until every row is confirmed and visible."""
    began = time.perf_counter()
    client.add(video, source_id, sample_fps=SAMPLE_FPS)
    *_, (source,) = client.wait([source_id], 1800)
    assert source.state == "indexed", source
    seconds = time.perf_counter() - began
    client.remove(source_id)
    return seconds


def _print_speed(screen: Console, name: str, length: float, scripts: list[float], pipelines: list[float]) -> None:
    ratio = median(p / s for p, s in zip(pipelines, scripts, strict=True))
    table = Table(title=f"S1 with {name}: video seconds per second, {length:.0f} s of video at {SAMPLE_FPS:g} samples/s")
    for column in ("", "median", "each turn"):
        table.add_column(column, justify="left" if not column else "right")
    table.add_row("one script, no bus, no database", f"{median(scripts):.1f}", _joined(scripts))
    table.add_row("pipeline, file to searchable", f"{median(pipelines):.1f}", _joined(pipelines))
    verdict = "met" if ratio >= TARGETS[name] else "MISSED"
    table.add_row("ratio", f"{ratio:.2f}", f"target ≥ {TARGETS[name]}: {verdict}")
    screen.print(table)


def _print_memory(screen: Console, name: str, idle: list[Memory], loaded: list[Memory], used: dict[str, float]) -> None:
    table = Table(title=f"Memory (MB, proportional share) and CPU of the local stack with {name}")
    for column in ("process", "idle", "after load", "peak resident", "budget, idle", "", "CPU s per video hour"):
        table.add_column(column, justify="left" if column in ("process", "") else "right")
    for before, after in zip(idle, loaded, strict=True):
        budget = BUDGET_MB[before.part]
        verdict = "met" if before.now_mb <= budget else "MISSED"
        cells = (before.now_mb, after.now_mb, after.peak_mb, budget)
        table.add_row(before.part, *(f"{cell:.0f}" for cell in cells), verdict, f"{3600 * used[before.part]:.0f}")
    whole = sum(part.now_mb for part in idle)
    verdict = "met" if whole <= WHOLE_MB else "MISSED"
    table.add_row("all", f"{whole:.0f}", f"{sum(p.now_mb for p in loaded):.0f}", "", f"{WHOLE_MB}", verdict, "")
    screen.print(table)


def _joined(values: list[float]) -> str:
    return "  ".join(f"{value:.1f}" for value in values)
