"""How soon a camera's sample is found: an embedding in, a row out of a bounded search, with the share of each part."""

import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pymilvus import MilvusClient

from schemas.topics import WIDE
from tests.indexer.cameras import Camera
from tests.indexer.made_logs import DIMENSION
from tests.indexer.service import Bench, await_that

CAMERAS = 4
SECONDS = 13
LIMIT = 2000

Moment = tuple[str, int]


@pytest.fixture
def bench(kafka: str, milvus: str, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(kafka, milvus, tmp_path)
    yield made
    made.stop()


class Watch:
    """Searches without a pause, and keeps the wall clock at which each moment was first found."""

    def __init__(self, bench: Bench, since_ms: int) -> None:
        self.found_ms: dict[Moment, int] = {}
        self.search_ms: list[float] = []
        self._bench, self._since_ms = bench, since_ms
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        """Stop searching."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        client = MilvusClient(uri=self._bench.milvus)
        while not self._stopping.is_set():
            began = time.monotonic()
            hits = client.search(
                self._bench.collection,
                [np.ones(DIMENSION, np.float32)],
                filter=f"captured_ms >= {self._since_ms}",
                limit=LIMIT,
                output_fields=["source_id", "t_ms"],
                search_params={"metric_type": "COSINE", "params": {"ef": LIMIT}},
                consistency_level="Bounded",
                timeout=10,
            )[0]
            now_ms = int(time.time() * 1000)
            self.search_ms.append((time.monotonic() - began) * 1000)
            for hit in hits:
                self.found_ms.setdefault((hit["entity"]["source_id"], hit["entity"]["t_ms"]), now_ms)
            time.sleep(0.01)
        client.close()


def first_confirmed(bench: Bench) -> dict[Moment, int]:
    """Return when Milvus had confirmed the first row of each moment, as said on the bus."""
    confirmed: dict[Moment, int] = {}
    for row in bench.told():
        moment = (row.source_id, row.t_ms)
        confirmed[moment] = min(row.searchable_ms, confirmed.get(moment, row.searchable_ms))
    return confirmed


def figures(name: str, milliseconds: list[int]) -> str:
    p50, p95 = np.percentile(milliseconds, [50, 95])
    return f"{name}: p50 {p50:.0f} ms, p95 {p95:.0f} ms, max {max(milliseconds)} ms"


def test_a_sample_of_a_camera_is_found_within_half_a_second(bench: Bench) -> None:
    cameras = [Camera(f"cam-{number}-{uuid.uuid4().hex[:4]}", np.random.default_rng(number)) for number in range(CAMERAS)]
    for camera in cameras:
        bench.source(camera.name, "camera")
    bench.indexer("live")
    bench.write("live", 0, [cameras[0].sample()])
    await_that(lambda: bench.count() > 0, what="the first row")
    watch = Watch(bench, int(time.time() * 1000))
    for number in range(CAMERAS * SECONDS):
        bench.write("live", number % CAMERAS % WIDE, [cameras[number % CAMERAS].sample()])
        time.sleep(1 / CAMERAS)
    await_that(lambda: len(watch.found_ms) >= CAMERAS * SECONDS, 10, "every sample")
    watch.stop()
    confirmed = first_confirmed(bench)
    found = {moment: found_ms for moment, found_ms in watch.found_ms.items() if moment in confirmed}
    assert len(found) >= CAMERAS * SECONDS - 1
    print()
    print(figures("capture to confirmed", [confirmed[moment] - moment[1] for moment in found]))
    print(figures("confirmed to found", [found_ms - confirmed[moment] for moment, found_ms in found.items()]))
    print(figures("capture to found", [found_ms - moment[1] for moment, found_ms in found.items()]))
    print(f"one search: {np.median(watch.search_ms):.0f} ms")
    assert np.median([found_ms - moment[1] for moment, found_ms in found.items()]) < 500
