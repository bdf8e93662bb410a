"""The benchmark of the embedder's stage without the bus: it runs on what the stage is today, also where nobody has a GPU."""

from itertools import islice
from pathlib import Path

from bench.gpu.clip import frames_as_sent
from bench.gpu.path import path_rate
from encoders.address import load


def test_every_record_of_the_benchmark_becomes_a_vector(tmp_path: Path) -> None:
    encoder = load("pico-1#onnx", threads=1)
    assert path_rate(encoder, list(islice(frames_as_sent(), 8)), count=130, threads=2, folder=tmp_path) > 1
