"""The rows of a file as an uninterrupted run makes them: the whole file decoded in one go, no bus, no chunk, no crash."""

from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt

from encoders.encoder import Encoder
from originals.access import Access
from originals.address import parse
from originals.files import open_file
from schemas.headers import EmbeddingHeaders
from schemas.vectors import decode_vector, encode_vector
from services.decoder.sampling import Grid
from services.decoder.video import Video
from services.indexer.core.entry import Entry
from services.indexer.core.settings import Smoothing
from tests.indexer.offline import offline

Rows = dict[int, npt.NDArray[np.float32]]
STREAM = "whole/1/c0"


def uninterrupted(path: Path, encoder: Encoder, sample_fps: float) -> Rows:
    """Return the smoothed vector of every row by its t_ms."""
    file = open_file(parse(str(path)), Access((path.parent,)))
    with closing(file.stream), closing(Video(file, threads=1)) as video:
        pictures = [picture for picture in video.pictures(Grid(sample_fps), 0) if picture is not None]
    log = []
    for seq, picture in enumerate(pictures):
        vector = encoder.embed_images(encoder.prepare(picture.jpeg)[np.newaxis])[0]
        log.append(_entry(seq, picture.t_ms, decode_vector(encode_vector(vector), encoder.dimension)))
    rows, _ = offline([*log, _entry(len(pictures), None, None)], Smoothing())
    return {t_ms: np.asarray(vector, np.float32) for (_, _, t_ms), vector in rows.items()}


def _entry(offset: int, t_ms: int | None, vector: npt.NDArray[np.float32] | None) -> Entry:
    headers = EmbeddingHeaders(
        source_id="whole", stream=STREAM, t_ms=t_ms, life=1, run=0, seq=None if t_ms is None else offset,
        mark="stream_end" if t_ms is None else None, space="whole@00000000",
    )  # fmt: skip
    return Entry(offset=offset, timestamp_ms=0, headers=headers, life=1, closes_when_quiet=False, done=False, vector=vector)
