"""Thumbnails are whole files at their place, and a disk that is full costs nothing else."""

from pathlib import Path

import numpy as np
import pytest

from encoders.picture_size import read_size
from encoders.pictures import encode_jpeg
from schemas.errors import InvalidMessage
from services.embedder.metrics import METRICS
from services.embedder.thumbnails import Thumbnails
from streaming.metrics import Metrics

JPEG = encode_jpeg(np.zeros((720, 1280, 3), np.uint8))


def test_a_thumbnail_is_stored_under_source_life_and_time(tmp_path: Path) -> None:
    thumbnails = Thumbnails(tmp_path, Metrics(METRICS))
    thumbnails.store("cam-1", 2, -40, JPEG)
    thumbnails.store("cam-1", 2, -40, JPEG)
    assert [path.relative_to(tmp_path) for path in tmp_path.rglob("*.*")] == [Path("cam-1/2/-40.jpg")]
    assert read_size((tmp_path / "cam-1/2/-40.jpg").read_bytes())[1:] == (320, 180)


def test_a_disk_that_takes_nothing_is_counted_and_raises_nothing(tmp_path: Path) -> None:
    (tmp_path / "cam-1").write_text("a file where a folder must be")
    metrics = Metrics(METRICS)
    thumbnails = Thumbnails(tmp_path, metrics)
    for t_ms in range(3):
        thumbnails.store("cam-1", 1, t_ms, JPEG)
    assert b'framebus_embedder_thumbnails_total{outcome="failed"} 3.0' in metrics.text()


def test_what_is_no_jpeg_is_invalid(tmp_path: Path) -> None:
    with pytest.raises(InvalidMessage):
        Thumbnails(tmp_path, Metrics(METRICS)).store("cam-1", 1, 0, b"no picture")
