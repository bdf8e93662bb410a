"""S3: from a change in the scene, and from the capture of a picture, until a search finds it; with all cameras running."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import httpx
import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from bench.corpus import repeat_video
from bench.footage import write_camera_clip
from bench.model import Model, model_of
from bench.observer import Observer, Passage
from bench.prober import Findings, Prober
from bench.processes import cpu_seconds
from bench.scenes import NAME
from bench.served import Served, looping, serving
from bench.usage import busy_seconds
from framebus.client import Client
from framebus.demo.script import CLIPS
from framebus.demo.stack import RunningStack, running_stack
from schemas.topics import FRAMES_BULK

RENDERED: Final = CLIPS / "street.mp4"
IMPORT_FPS: Final = 2.0
IMPORTED_A_SECOND: Final = 150
"""Seconds of the film for each second that its import is to last: more than two cores index beside cameras."""
SECONDS_AN_EVENT: Final = 7
STARTING_SECONDS: Final = 120
TARGETS: Final = {"idle": (0.5, 1.5), "import": (0.9, 3.0)}
THUMBNAIL_SECONDS, CLIP_SECONDS_BEYOND_GOP = 1.0, 2.0
BUDGET_MS: Final = {"decoder": 100, "bus": 30, "embedder": 80, "indexer and upsert": 80, "visibility": 200}


@dataclass(frozen=True)
class Phase:
    """A while of measuring: what was found, how samples passed, and how busy the machine and the model were.

    `waiting`: frames of the bulk lane that were in line for the embedder at the end.
    """

    findings: Findings
    passages: Mapping[tuple[str, int], Passage]
    cores: dict[str, float]
    model: Model
    waiting: int


def measure(folder: Path, screen: Console, *, cameras: int, events: int, gop_seconds: float) -> None:
    """Print the tables of both settings."""
    clip = write_camera_clip(folder / "load.mp4", (640, 360), 1)
    film = folder / "film.mp4"
    repeat_video(RENDERED, film, at_least_seconds=events * SECONDS_AN_EVENT * IMPORTED_A_SECOND)
    home = folder / "home-freshness"
    scenes = serving(("-m", "bench.scenes", "--gop-seconds", f"{gop_seconds:g}"))
    with (
        running_stack(home, lambda _: None) as stack,
        Client(stack.url, stack.key) as client,
        looping(clip, cameras) as load,
        scenes as scene,
    ):
        _add_cameras(client, {**load.urls, **scene.urls})
        prober = _prober(client, stack, scene)
        with prober as ask:
            idle = _phase(home, stack, client, ask, events)
            _print(screen, "idle", f"{cameras} + 1 cameras", idle, gop_seconds)
            with _importing(client, film):
                busy = _phase(home, stack, client, ask, events)
                running = client.source("film").state
        _print(screen, "import", f"{cameras} + 1 cameras and an import ({running} at the end)", busy, gop_seconds)


def _phase(home: Path, stack: RunningStack, client: Client, ask: Callable[[], Prober], events: int) -> Phase:
    root = psutil.Process(stack.process.pid)
    with Observer(json.loads((home / "stack.json").read_text())["kafka"]) as observer:
        before, busy, began, model = cpu_seconds(root), busy_seconds(), time.perf_counter(), model_of(home)
        findings = ask().run(events)
        seconds = time.perf_counter() - began
        used = cpu_seconds(root)
        cores = {part: (used[part] - before.get(part, 0.0)) / seconds for part in used}
        cores["machine"] = (busy_seconds() - busy) / seconds
        return Phase(findings, dict(observer.passages), cores, model_of(home).since(model, seconds), _waiting(client))


def _waiting(client: Client) -> int:
    status = client.status().kafka
    return sum(unread.records for unread in status.unread if unread.topic == FRAMES_BULK.name) if status else 0


def _add_cameras(client: Client, urls: Mapping[str, str]) -> None:
    for source_id, url in urls.items():
        client.add(url, source_id, sample_fps=1.0)
    for _ in client.wait(list(urls), STARTING_SECONDS):
        pass


@contextmanager
def _prober(client: Client, stack: RunningStack, scene: Served) -> Iterator[Callable[[], Prober]]:
    """Give what makes a prober: each phase has its own."""

    def show(number: int, at_ms: int) -> None:
        print(number, at_ms, file=scene.commands, flush=True)

    with httpx.Client(base_url=stack.url, headers={"Authorization": f"Bearer {stack.key}"}, timeout=30, trust_env=False) as http:
        yield lambda: Prober(client, http, show)


@contextmanager
def _importing(client: Client, film: Path) -> Iterator[None]:
    """Index a film that takes longer than the block."""
    client.add(film, "film", sample_fps=IMPORT_FPS)
    deadline = time.monotonic() + STARTING_SECONDS
    while not client.source("film").rows:
        assert time.monotonic() < deadline, client.source("film")
        time.sleep(0.2)
    yield
    client.remove("film")


def _print(screen: Console, setting: str, load: str, phase: Phase, gop_seconds: float) -> None:
    findings = phase.findings
    median_target, high_target = TARGETS[setting]
    first_rows = [(one.searchable_ms - t_ms) / 1000 for (_, t_ms), one in phase.passages.items() if one.searchable_ms is not None]
    table = Table(title=f"S3, {load}; 25 fps, GOP {gop_seconds:g} s, 1 sample/s; seconds")
    for column in ("", "p50", "p95", "p99", "n", "target"):
        table.add_column(column, justify="left" if not column else "right")
    _row(table, "event in the scene → first hit of a search", findings.events)
    _row(table, "capture → found by a search", findings.captures, (median_target, None, high_target))
    _row(table, "capture → row confirmed, all cameras", first_rows)
    _row(table, "hit → thumbnail", findings.thumbnails, (None, THUMBNAIL_SECONDS, None))
    _row(table, "hit → clip, first byte", findings.clips, (None, gop_seconds + CLIP_SECONDS_BEYOND_GOP, None))
    _row(table, "a search by picture, itself", findings.searches)
    screen.print(table)
    _print_parts(screen, phase)
    busy = ", ".join(f"{part} {cores:.2f}" for part, cores in phase.cores.items())
    screen.print(f"events not found: {findings.missed}; cores in use: {busy}")
    screen.print(f"model: {phase.model}; {phase.waiting} bulk frames in line at the end")


def _print_parts(screen: Console, phase: Phase) -> None:
    """Print the parts of the time to a hit, of those samples of the scene that were found while they were new."""
    found = [(phase.passages.get((NAME, t_ms)), t_ms, at_ms) for t_ms, at_ms in phase.findings.seen_ms.items()]
    parts = [each for passage, t_ms, at_ms in found if passage is not None and (each := _parts(passage, t_ms, at_ms))]
    table = Table(title=f"Parts of capture → found, {len(parts)} samples; ms")
    for column in ("", "p50", "p95", "p99", "budget"):
        table.add_column(column, justify="left" if not column else "right")
    for place, (name, budget_ms) in enumerate(BUDGET_MS.items()):
        figures = [f"{figure:.0f}" for figure in _quantiles([part[place] for part in parts])]
        table.add_row(name, *figures, f"{budget_ms}")
    screen.print(table)


def _parts(passage: Passage, t_ms: int, found_ms: float) -> list[float] | None:
    """Return decoder, bus, embedder, indexer and visibility in ms; together they are the whole."""
    times = (t_ms, passage.handed_ms, passage.framed_ms, passage.embedded_ms, passage.searchable_ms, found_ms)
    known = [one for one in times if one is not None]
    return [later - earlier for earlier, later in pairwise(known)] if len(known) == len(times) else None


def _row(table: Table, name: str, seconds: Sequence[float], targets: Sequence[float | None] = (None, None, None)) -> None:
    figures = _quantiles(seconds)
    wanted = [(figure, target) for figure, target in zip(figures, targets, strict=True) if target is not None]
    met = all(figure <= target for figure, target in wanted)
    said = " and ".join(f"≤ {target:g}" for _, target in wanted)
    table.add_row(
        name, *(f"{figure:.2f}" for figure in figures), f"{len(seconds)}", f"{said}: {'met' if met else 'MISSED'}" if said else ""
    )


def _quantiles(values: Sequence[float]) -> list[float]:
    return [float(one) for one in np.percentile(values, [50, 95, 99])] if values else [float("nan")] * 3
