"""`python -m tests.broken.juror`: reads paths of videos, one a line, and answers for each what the decoder makes of it, and with
`--watch` whether query can show it.

A process of its own, because what decodes is C: a fault there ends the process, and whoever asked sees that.
"""

import os
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final

import av.logging
import orjson

from encoders.pictures import decode
from originals.allocation import limit_allocations
from originals.errors import Unreachable, Unreadable
from schemas.limits import LARGEST_T_MS, PAYLOAD_LIMIT_BYTES
from schemas.messages import Chunk, Life, RecordedSamples, Source
from schemas.recordings import Segment, life_folder
from services.decoder.decoding import Decoding, Sample
from services.decoder.inspection import Inspected, inspect
from services.decoder.plan import cut, margins_ms
from services.decoder.size import LARGEST_PIXELS
from services.query.media.cutting import SpanTooLongError, cut_clip
from services.query.media.original import NothingThereError, UnreadableError
from services.query.media.picture import picture_at
from services.query.media.stretches import Stretch
from tests.broken.memory import peak_kib
from tests.decoder.footage import ANYWHERE

SAMPLE_FPS: Final = 5.0
MOST_CHUNKS: Final = 3
"""Of the many chunks of a film that claims to last for years, these are decoded: the first two and the last."""
MEMORY_BYTES: Final = 4 << 30
WATCH: Final = "--watch"
CLIP_MS: Final = (400, 1_500)
RECORDED: Final = Segment(1_700_000_000_000, 1)


def main() -> None:
    """Answer until there is nothing more to read."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    av.logging.set_level(av.logging.PANIC)
    assert limit_allocations()
    with ThreadPoolExecutor(1, "decode") as pool:
        for line in sys.stdin:
            began = time.monotonic()
            samples, refusal = verdict(pool, Path(line.rstrip("\n")))
            seconds = time.monotonic() - began
            print(orjson.dumps([samples, refusal, seconds, peak_kib() >> 10]).decode(), flush=True)


def verdict(pool: ThreadPoolExecutor, path: Path) -> tuple[int, str | None]:
    """Return how many samples a file has, or the sentence of its refusal. Asserts what is promised of either."""
    source = Source(
        source_id="film", kind="file", life=1, lives=(Life(life=1, began_ms=0),), url=str(path), sample_fps=SAMPLE_FPS
    )
    try:
        found = inspect(source, ANYWHERE)
        count = sum(decoded(pool, one, path.parent) for one in chunks(source, found))
    except (Unreadable, Unreachable) as failure:
        refusal = str(failure)
    else:
        if WATCH in sys.argv:
            watch(path)
        return count + decoded(pool, as_recording(path), path.parent / "media"), None
    assert path.name in refusal, f"the refusal does not name the file: {refusal}"
    return 0, refusal


def chunks(source: Source, found: Inspected) -> list[Chunk]:
    """Return the first and the last chunks of a file's plan."""
    spans = cut(found.duration_ms, source.sample_fps, seekable=found.seekable)
    left_ms, right_ms = margins_ms(source.sample_fps)
    return [
        Chunk(
            stream=f"film/1/c{span.index}", source_id="film", life=1, index=span.index, url=source.url or "",
            fingerprint=found.fingerprint, sample_fps=SAMPLE_FPS, start_ms=span.start_ms, end_ms=span.end_ms,
            read_from_ms=max(0, span.start_ms - left_ms), read_until_ms=min(LARGEST_T_MS, span.end_ms + right_ms),
        )
        for span in spans
        if span.index < MOST_CHUNKS - 1 or span == spans[-1]
    ]  # fmt: skip


def as_recording(path: Path) -> Chunk:
    """Return the order to catch up a span of a camera from this very file, laid where a recording lies."""
    times_ms = tuple(RECORDED.start_ms + t_ms for t_ms in range(0, 2_400, 240))
    laid = path.parent / "media" / life_folder("film", 1) / RECORDED.day / RECORDED.name
    laid.parent.mkdir(parents=True, exist_ok=True)
    laid.unlink(missing_ok=True)
    os.link(path, laid)
    return Chunk(
        stream=f"film/1/r{RECORDED.start_ms}", source_id="film", life=1, index=0, url="", fingerprint="", sample_fps=SAMPLE_FPS,
        start_ms=times_ms[0], end_ms=times_ms[-1] + 1, read_from_ms=times_ms[0], read_until_ms=times_ms[-1] + 1,
        recorded=(RecordedSamples(start_ms=RECORDED.start_ms, run=RECORDED.run, times_ms=times_ms),),
    )  # fmt: skip


def decoded(pool: ThreadPoolExecutor, order: Chunk, media: Path) -> int:
    """Decode a chunk as its worker does, and return how many samples it gave."""
    decoding, before_ms, count = Decoding(pool, order, 1, ANYWHERE, media), -LARGEST_T_MS - 1, 0
    while not decoding.has_ended():
        if sample := decoding.take():
            assert sample.seq == count
            assert sample.sample.t_ms > before_ms, f"{sample.sample.t_ms} ms follows {before_ms} ms"
            check(sample)
            before_ms, count = sample.sample.t_ms, count + 1
    return count


def watch(path: Path) -> None:
    """Cut a clip and take a thumbnail, as query does of what was found; it may say why it cannot."""
    with suppress(UnreadableError, NothingThereError, SpanTooLongError):
        cut_clip([Stretch(str(path))], *CLIP_MS, path.parent / "clip.mp4", ANYWHERE, lambda: None)
    with suppress(UnreadableError, NothingThereError):
        assert decode(picture_at([Stretch(str(path))], CLIP_MS[0], ANYWHERE, lambda: None), 64, 64).size


def check(sample: Sample) -> None:
    """A sample is a picture of the size that it says, at a time that readers take, and fits into a record."""
    picture = sample.sample
    assert abs(picture.t_ms) <= LARGEST_T_MS, f"t_ms {picture.t_ms}"
    assert len(picture.jpeg) <= PAYLOAD_LIMIT_BYTES, f"{len(picture.jpeg)} bytes"
    assert picture.width * picture.height <= 1.01 * LARGEST_PIXELS, f"{picture.width} x {picture.height}"
    assert decode(picture.jpeg, picture.width, picture.height).shape == (picture.height, picture.width, 3)


if __name__ == "__main__":
    main()
