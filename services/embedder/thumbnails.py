"""Thumbnails of sources of which nothing is recorded: pushed ones and some cameras. Losing one costs a picture, never a row."""

import os
import threading
import time
from pathlib import Path
from typing import Final

from encoders.pictures import thumbnail
from schemas.recordings import thumbnail_name
from services.embedder.metrics import THUMBNAILS
from streaming.logs import get_logger
from streaming.metrics import Metrics

LONGEST_PX: Final = 320
QUIET_SECONDS: Final = 60.0
log = get_logger("thumbnails")


class Thumbnails:
    """A folder of small JPEGs: `<source_id>/<life>/<t_ms>.jpg`. May be used from several threads."""

    def __init__(self, folder: Path, metrics: Metrics) -> None:
        self._folder = folder
        self._outcomes = metrics.of(THUMBNAILS)
        self._complain_at = 0.0

    def store(self, source_id: str, life: int, t_ms: int, jpeg: bytes) -> None:
        """Store the thumbnail of one sample; a disk that does not take it is logged and counted.

        Raises `InvalidMessage` for what is no JPEG.
        """
        small = thumbnail(jpeg, LONGEST_PX)
        path = self._folder / source_id / str(life) / thumbnail_name(t_ms)
        try:
            _write(path, small)
        except OSError as error:
            self._outcomes.labels("failed").inc()
            self._complain(path, error)
        else:
            self._outcomes.labels("stored").inc()

    def _complain(self, path: Path, error: OSError) -> None:
        now = time.monotonic()
        if now >= self._complain_at:
            self._complain_at = now + QUIET_SECONDS
            log.error("thumbnails are not stored", path=str(path), reason=str(error), quiet_for_seconds=QUIET_SECONDS)


def _write(path: Path, content: bytes) -> None:
    """Write and rename, so that no reader sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
