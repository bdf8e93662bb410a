"""`python -m bench`: what is measured, on what, printed as tables."""

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Final

from rich.console import Console

from bench import cameras, embedder, fleet, freshness, pipeline
from bench.machine import machine, versions
from bench.vit import make_vit_folder

PARTS: Final = {
    "pipeline": "S1, files against the best single script with both encoders, and the memory of every process",
    "embedder": "S4, the embedder under load against the bare model loop with both encoders",
    "cameras": "S2, CPU of a live camera against OpenCV that reads every frame",
    "fleet": "CPU, memory and lateness of one decoder with many cameras",
    "freshness": "S3, from an event in the scene to a search that finds it, without and with an import",
}

screen = Console(width=None if os.isatty(1) else 200)


def main() -> None:
    """Measure speed, memory and freshness on this machine."""
    arguments = _arguments()
    _tell_machine()
    for part in arguments.only or PARTS:
        began = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="framebus-bench-") as folder:
            _measure(part, Path(folder), arguments)
        screen.print(f"{part}: {time.perf_counter() - began:.0f} s; load after: {os.getloadavg()[0]:.1f}\n")


def _measure(part: str, folder: Path, wanted: argparse.Namespace) -> None:
    if part == "pipeline":
        pipeline.measure(folder, screen, "pico-1", "pico-1", seconds=wanted.pico_seconds, rounds=wanted.rounds)
        if wanted.vit_seconds > 0:
            vit = str(make_vit_folder(folder / "vit"))
            pipeline.measure(folder, screen, "ViT-B/32 size", vit, seconds=wanted.vit_seconds, rounds=wanted.rounds)
    elif part == "embedder":
        for name, address in (("pico-1", "pico-1"), ("ViT-B/32 size", str(make_vit_folder(folder / "vit")))):
            home = folder / f"bus-{name[:4]}"
            embedder.measure(home, screen, name, address, seconds=wanted.turn_seconds, rounds=wanted.rounds)
    elif part == "cameras":
        cameras.measure(folder, screen, cameras=wanted.cameras, seconds=wanted.turn_seconds, rounds=wanted.rounds)
    elif part == "fleet":
        fleet.measure(folder, screen, levels=wanted.levels, seconds=wanted.turn_seconds, plot=wanted.plot)
    else:
        freshness.measure(folder, screen, cameras=wanted.live_cameras, events=wanted.events, gop_seconds=wanted.gop_seconds)


def _tell_machine() -> None:
    screen.print(machine())
    screen.print(f"{versions()}; load before: {os.getloadavg()[0]:.1f}")


def _arguments() -> argparse.Namespace:
    parts = "; ".join(f"{part}: {what}" for part, what in PARTS.items())
    parser = argparse.ArgumentParser(prog="python -m bench", description=main.__doc__, epilog=parts)
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help=f"of {', '.join(PARTS)} these alone")
    parser.add_argument("--rounds", type=int, default=2, help="turns of each way, where there are turns (default: %(default)s)")
    parser.add_argument("--pico-seconds", type=float, default=600, help="pipeline: video seconds for the shipped encoder")
    parser.add_argument("--vit-seconds", type=float, default=240, help="pipeline: the same for the large one; 0 leaves it out")
    parser.add_argument("--cameras", type=int, default=8, help="cameras: how many at once (default: %(default)s)")
    parser.add_argument(
        "--turn-seconds", type=float, default=15, help="seconds of a turn, but for pipeline (default: %(default)s)"
    )
    parser.add_argument("--levels", type=int, nargs="+", default=[10, 25, 50, 100], help="fleet: numbers of cameras")
    parser.add_argument("--plot", type=Path, help="fleet: write the figures as an SVG here")
    parser.add_argument("--live-cameras", type=int, default=20, help="freshness: cameras beside the one that is searched")
    parser.add_argument("--events", type=int, default=40, help="freshness: events of each setting (default: %(default)s)")
    parser.add_argument("--gop-seconds", type=float, default=1.0, help="freshness: GOP of the camera that is searched")
    return parser.parse_args()


if __name__ == "__main__":
    main()
