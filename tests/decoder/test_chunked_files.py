"""A real file decoded in chunks is the file decoded whole."""

from pathlib import Path

import numpy as np
import pytest
import simplejpeg

from schemas.limits import LARGEST_T_MS
from schemas.messages import Chunk
from services.decoder.decoding import Sample, samples
from services.decoder.plan import margins_ms, spans
from tests.decoder.footage import shared_video, video

FPS = 2.0


def dealt(index: int, start_ms: int, end_ms: int) -> Chunk:
    left_ms, right_ms = margins_ms(FPS)
    return Chunk(
        stream=f"s/1/c{index}", source_id="s", life=1, index=index, url="/v", fingerprint="", sample_fps=FPS, start_ms=start_ms,
        end_ms=end_ms, read_from_ms=max(0, start_ms - left_ms), read_until_ms=min(LARGEST_T_MS, end_ms + right_ms),
    )  # fmt: skip


def decoded(path: Path, chunk: Chunk, threads: int) -> list[Sample]:
    with video(path, threads) as found:
        return [sample for sample in samples(found, chunk) if sample]


@pytest.mark.parametrize(
    ("name", "span_ms"),
    [("one-by-one-person-detection.mp4", 30_000), ("bottle-detection.mp4", 7_000), ("asl_book.mkv", 1_000)],
)
def test_chunks_of_a_real_file_are_the_file(name: str, span_ms: int) -> None:
    path = shared_video(f"intel/{name}")
    with video(path) as found:
        duration_ms = found.duration_ms
    whole = {sample.sample.t_ms: sample.sample for sample in decoded(path, dealt(0, 0, LARGEST_T_MS), 1)}
    owned = []
    for span in spans(duration_ms, span_ms):
        chunk = decoded(path, dealt(span.index, span.start_ms, span.end_ms), 2)
        assert [sample.seq for sample in chunk] == list(range(len(chunk)))
        owned += [sample.sample for sample in chunk if not sample.context]
        assert {sample.sample.t_ms for sample in chunk} <= whole.keys()
    assert [picture.t_ms for picture in owned] == list(whole)
    for picture in owned:
        same = (simplejpeg.decode_jpeg(one.jpeg, "RGB").astype(np.int16) for one in (picture, whole[picture.t_ms]))
        assert np.abs(np.subtract(*same)).max() <= 2
