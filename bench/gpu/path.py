"""S4 without the bus: the embedder's own stage, given records in memory, beside the model alone; and what one text takes.

Measured is what `services.embedder.stage` does with a record that Kafka has given: headers read, admitted, its JPEG decoded and
resized on decoding threads, batched, embedded, its vector written as float16 with headers. Kafka is not there: records are in
memory, and what would be sent is counted. The pictures are of a file's source, so no thumbnails are made.
"""

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice
from pathlib import Path
from statistics import median, quantiles
from typing import Final

import numpy as np

from bench.gpu.clip import frames_as_sent
from bench.gpu.clock import median_seconds
from bench.gpu.engines import of_tower
from bench.gpu.told import Part, begin
from bench.vit import SO400M_384, VIT_B_16, VIT_B_32
from encoders.address import load
from encoders.encoder import Encoder
from encoders.lookup import find_folder
from encoders.pictures import decode_on_callers_threads
from encoders.pytorch import CpuTower, CudaTower, describe, open_tower
from schemas.headers import FrameHeaders, encode_frame_headers
from schemas.messages import Life, Source
from schemas.topics import FRAMES_BULK
from services.embedder.batching import BatchSize
from services.embedder.metrics import METRICS
from services.embedder.sources import KnownSources
from services.embedder.stage import EmbedStage
from services.embedder.thumbnails import Thumbnails
from streaming.loop import BATCH_RECORDS
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.records import Partition, Record
from streaming.stage import Start

BATCH_IMAGES: Final = 64
"""What the embedder has in a batch unless it is told otherwise."""
PROCESSORS: Final = os.cpu_count() or 1
STEP_SECONDS: Final = 0.2
DIFFERENT_PICTURES: Final = 64
FIRST_SHARE: Final = 0.1
TEXT: Final = "a red car on a road"
STREAM: Final = "bench/1/c0"
PLACE: Final = Partition(FRAMES_BULK.name, 0)
SOURCE: Final = Source(source_id="bench", kind="file", life=1, lives=(Life(life=1, began_ms=0),), sample_fps=1.0)
COLUMNS: Final = (
    "encoder", "model alone, tensors on the device", "model loop, pictures in memory", "JPEGs decoded by all processors",
    "path, from JPEG to vector", "with so many decoding threads", "of the model loop", "of the model alone",
)  # fmt: skip


class Counter(Outbox):
    """Takes embeddings where the outbox would, and notes when; has no producer."""

    def __init__(self) -> None:
        self.sent_at: list[float] = []

    def send(self, *_: object, **__: object) -> None:
        """Count an embedding."""
        self.sent_at.append(time.perf_counter())


class OneSource(KnownSources):
    """Knows one source, as the state topic would."""

    def __init__(self) -> None:
        self._looked = False

    def find(self, source_id: str, life: int | None, seen_ms: int) -> Source | None:
        """Return it."""
        return SOURCE


def main() -> None:
    """Measure the shipped encoder and random ones of three sizes, then one text."""
    part = begin("path")
    jpegs = list(islice(frames_as_sent(), DIFFERENT_PICTURES))
    rows: list[list[object]] = []
    wanted = (VIT_B_32,) if part.quick else (VIT_B_32, VIT_B_16, SO400M_384)
    folders = (part.folder(part.sizes(sizes)) for sizes in wanted)
    for address in chain(("pico-1",), map(str, folders)):
        rows += _rows(part, address, jpegs)
        part.tell("path", f"pictures a second, batches of {BATCH_IMAGES}", COLUMNS, rows)
    _tell_text(part)


def _rows(part: Part, address: str, jpegs: Sequence[bytes]) -> list[list[object]]:
    seconds = 0.05 if part.quick else 1.0
    towers: list[CpuTower | CudaTower] = []
    encoder = _open(address, towers)
    encoder.warm(texts=False)
    device = BATCH_IMAGES / median_seconds(of_tower(towers[0], encoder.image_size[0])(BATCH_IMAGES), seconds / 3)
    loop = _loop_rate(encoder, np.stack([encoder.prepare(jpeg) for jpeg in jpegs])[:BATCH_IMAGES], seconds)
    decoding = _decoding_rate(encoder, jpegs, seconds)
    rows: list[list[object]] = []
    for threads in sorted({1, PROCESSORS}):
        count = max(2 * BATCH_IMAGES, round(min(loop, decoding * threads / PROCESSORS) * seconds))
        rate = path_rate(encoder, jpegs, count, threads, part.models)
        speeds = (f"{one:,.0f}" for one in (device, loop, decoding, rate))
        rows.append([encoder.name, *speeds, threads, f"{rate / loop:.2f}", f"{rate / device:.2f}"])
    return rows


def _open(address: str, towers: list[CpuTower | CudaTower]) -> Encoder:
    """Return an encoder on `#torch`, whose towers are added to `towers` when they are opened."""

    def open_and_keep(path: Path, *, input_name: str, output_name: str) -> CpuTower | CudaTower:
        towers.append(open_tower(path, input_name=input_name, output_name=output_name, threads=PROCESSORS))
        return towers[-1]

    decode_on_callers_threads()
    return Encoder(find_folder(address), open_and_keep, describe(PROCESSORS))


def path_rate(encoder: Encoder, jpegs: Sequence[bytes], count: int, threads: int, folder: Path) -> float:
    """Return pictures a second through the embedder's stage, after the first tenth of `count`."""
    metrics, counter = Metrics(METRICS), Counter()
    stage = EmbedStage(
        encoder,
        OneSource(),
        counter,
        metrics,
        batch_size=BatchSize(STEP_SECONDS, BATCH_IMAGES),
        thumbnails=Thumbnails(folder / "thumbnails", metrics),
        unread=lambda: 0,
        unread_bound=1,
        decode_threads=threads,
    )
    records = [_record(number, jpegs[number % len(jpegs)]) for number in range(count)]
    stage.assigned(Start(PLACE, 0))
    given = 0
    while len(counter.sent_at) < count:
        if FRAMES_BULK.name in stage.wants():
            stage.process(records[given : given + BATCH_RECORDS])
            given += BATCH_RECORDS
        stage.step()
    stage.close()
    steady = counter.sent_at[round(FIRST_SHARE * count) :]
    return (len(steady) - 1) / (steady[-1] - steady[0])


def _record(number: int, jpeg: bytes) -> Record:
    headers = FrameHeaders(source_id=SOURCE.source_id, t_ms=1000 * number, stream=STREAM, life=1)
    return Record(PLACE, number, STREAM.encode(), jpeg, encode_frame_headers(headers), 1000 * number)


def _loop_rate(encoder: Encoder, prepared: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], seconds: float) -> float:
    """Return pictures a second of one batch in memory, embedded again and again: copies to and from the GPU are in it."""
    encoder.embed_images(prepared)
    began, batches = time.perf_counter(), 0
    while batches == 0 or time.perf_counter() - began < seconds:
        encoder.embed_images(prepared)
        batches += 1
    return batches * len(prepared) / (time.perf_counter() - began)


def _decoding_rate(encoder: Encoder, jpegs: Sequence[bytes], seconds: float) -> float:
    """Return JPEGs a second that all processors decode and resize together, with nothing else to do."""
    began, done = time.perf_counter(), 0
    with ThreadPoolExecutor(PROCESSORS) as threads:
        while done == 0 or time.perf_counter() - began < seconds / 2:
            done += len(list(threads.map(encoder.prepare, [*jpegs] * 4)))
        return done / (time.perf_counter() - began)


def _tell_text(part: Part) -> None:
    rows: list[list[object]] = []
    for backend in ("torch", "onnx"):
        encoder = load(f"pico-1#{backend}", threads=1)
        encoder.warm(texts=True)
        took = []
        for _ in range(20 if part.quick else 300):
            began = time.perf_counter()
            encoder.embed_texts([TEXT])
            took.append(1000 * (time.perf_counter() - began))
        rows.append([encoder.backend, f"{median(took):.2f}", f"{quantiles(took, n=100)[98]:.2f}"])
    part.tell("text", "pico-1, one text query, tokenizer and prompts included", ("backend", "p50 ms", "p99 ms"), rows)


if __name__ == "__main__":
    main()
