"""S4: the embedder under load against the bare model loop, in turns: what bus, JPEGs and batching take from the model."""

import os
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Final

import av
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from bench.bus import Bus
from encoders.address import load
from encoders.encoder import Encoder
from encoders.pictures import encode_jpeg
from framebus.demo.script import CLIPS

CLIP = CLIPS / "people-one-by-one.mp4"
WIDTH, HEIGHT = 512, 288
"""As the decoder sends a frame."""
DIFFERENT_PICTURES: Final = 64
BATCH_IMAGES: Final = 32
FIRST_SHARE: Final = 0.1
"""Left out at the beginning of a turn, where pictures are still on their way into the embedder."""
TARGET: Final = 0.92


def measure(folder: Path, screen: Console, name: str, address: str, *, seconds: float, rounds: int) -> None:
    """Hold the service against the loop, in turns of about `seconds`, and print both."""
    encoder = load(address, threads=os.cpu_count() or 1)
    encoder.warm(texts=False)
    jpegs = list(islice(frames_as_sent(CLIP), DIFFERENT_PICTURES))
    prepared = np.stack([encoder.prepare(jpeg) for jpeg in jpegs[:BATCH_IMAGES]])
    bare_loop(encoder, prepared, 1.0)
    loops, services = [], []
    with Bus(folder) as bus, bus.running("embedder", FRAMEBUS_ENCODER=address):
        bus.embedded("bench-warm", jpegs)
        for turn in range(rounds):
            loops.append(bare_loop(encoder, prepared, seconds))
            wanted = [jpegs[number % len(jpegs)] for number in range(round(loops[-1] * seconds))]
            services.append(steady_rate(bus.embedded(f"bench-{turn}", wanted)))
    _print(screen, name, loops, services)


def frames_as_sent(clip: Path) -> Iterator[bytes]:
    """Yield a clip's frames as JPEGs of the size that the decoder sends."""
    with av.open(str(clip)) as container:
        for frame in container.decode(video=0):
            yield encode_jpeg(frame.to_ndarray(format="rgb24", width=WIDTH, height=HEIGHT, interpolation="AREA").astype(np.uint8))


def bare_loop(encoder: Encoder, prepared: npt.NDArray[np.uint8], seconds: float) -> float:
    """Return pictures a second of the model alone: one batch in memory, again and again."""
    began, batches = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        encoder.embed_images(prepared)
        batches += 1
    return batches * len(prepared) / (time.perf_counter() - began)


def steady_rate(arrived_ms: Sequence[int]) -> float:
    """Return arrivals a second after the first `FIRST_SHARE` of them."""
    steady = arrived_ms[round(FIRST_SHARE * len(arrived_ms)) :]
    return 1000 * (len(steady) - 1) / max(1, steady[-1] - steady[0])


def _print(screen: Console, name: str, loops: Sequence[float], services: Sequence[float]) -> None:
    ratio = median(service / loop for loop, service in zip(loops, services, strict=True))
    table = Table(title=f"S4 with {name}: pictures a second, batches of {BATCH_IMAGES} in the loop")
    for column in ("", "median", "each turn"):
        table.add_column(column, justify="left" if not column else "right")
    for what, rates in (
        ("bare model loop, tensors in memory", loops),
        ("embedder, from JPEGs on the bus to vectors", services),
    ):
        table.add_row(what, f"{median(rates):.1f}", "  ".join(f"{rate:.1f}" for rate in rates))
    table.add_row("ratio", f"{ratio:.2f}", f"target ≥ {TARGET}: {'met' if ratio >= TARGET else 'MISSED'}")
    screen.print(table)
