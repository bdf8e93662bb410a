"""`python -m bench`: what is measured, on what, printed as tables."""

import argparse
import os
import platform
import subprocess
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

import psutil
from rich.console import Console
from rich.table import Table

from bench.baseline import index_with_a_script
from bench.corpus import repeat_video
from bench.processes import BUDGET_MB, WHOLE_MB, Memory, cpu_seconds, memory
from bench.vit import make_vit_folder
from encoders.address import load
from framebus.client import Client
from framebus.demo.script import CLIPS
from framebus.demo.stack import running_stack

CLIP = CLIPS / "people-one-by-one.mp4"
SAMPLE_FPS = 2.0
TARGETS = {"pico-1": 0.5, "ViT-B/32 size": 0.85}

screen = Console()


def main() -> None:
    """Measure speed (S1) with both encoders, and the memory of every process."""
    arguments = _arguments()
    _tell_machine()
    with tempfile.TemporaryDirectory(prefix="framebus-bench-") as folder:
        measure(Path(folder), "pico-1", "pico-1", arguments.pico_seconds, arguments.rounds)
        if arguments.vit_seconds > 0:
            vit = make_vit_folder(Path(folder) / "vit")
            measure(Path(folder), "ViT-B/32 size", str(vit), arguments.vit_seconds, arguments.rounds)


def measure(folder: Path, name: str, address: str, seconds: float, rounds: int) -> None:
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
        _print_speed(name, length, scripts, pipelines)
        _print_memory(name, idle, memory(root), used)


def index_with_the_pipeline(client: Client, video: Path, source_id: str) -> float:
    """Return the wall seconds from `add` until every row is confirmed and visible."""
    began = time.perf_counter()
    client.add(video, source_id, sample_fps=SAMPLE_FPS)
    *_, (source,) = client.wait([source_id], 1800)
    assert source.state == "indexed", source
    seconds = time.perf_counter() - began
    client.remove(source_id)
    return seconds


def _print_speed(name: str, length: float, scripts: list[float], pipelines: list[float]) -> None:
    ratio = median(p / s for p, s in zip(pipelines, scripts, strict=True))
    table = Table(title=f"S1 with {name}: video seconds per second, {length:.0f} s of video at {SAMPLE_FPS:g} samples/s")
    for column in ("", "median", "each turn"):
        table.add_column(column, justify="left" if not column else "right")
    table.add_row("one script, no bus, no database", f"{median(scripts):.1f}", _joined(scripts))
    table.add_row("pipeline, file to searchable", f"{median(pipelines):.1f}", _joined(pipelines))
    verdict = "met" if ratio >= TARGETS[name] else "MISSED"
    table.add_row("ratio", f"{ratio:.2f}", f"target ≥ {TARGETS[name]}: {verdict}")
    screen.print(table)


def _print_memory(name: str, idle: list[Memory], loaded: list[Memory], used: dict[str, float]) -> None:
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


def _tell_machine() -> None:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    packages = ", ".join(f"{name} {version(name)}" for name in ("confluent-kafka", "onnxruntime", "av", "pymilvus"))
    memory_gib = psutil.virtual_memory().total / 2**30
    screen.print(f"{platform.platform()}, {os.cpu_count()} cores, {memory_gib:.0f} GiB, Python {platform.python_version()}")
    screen.print(f"framebus {commit}, {packages}; load before: {os.getloadavg()[0]:.1f}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=main.__doc__)
    parser.add_argument("--pico-seconds", type=float, default=600, help="video seconds for the shipped encoder")
    parser.add_argument("--vit-seconds", type=float, default=240, help="video seconds for the large encoder; 0 leaves it out")
    parser.add_argument("--rounds", type=int, default=3, help="turns of script and pipeline")
    return parser.parse_args()


if __name__ == "__main__":
    main()
