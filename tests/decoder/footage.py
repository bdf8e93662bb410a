"""Videos for tests: the shared ones, and small ones made to order."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest

from originals.access import Access
from originals.address import parse
from originals.files import OpenFile, open_file
from services.decoder.video import Video

SHARED = Path(os.environ.get("FRAMEBUS_SHARED") or Path(__file__).parents[3] / "shared")
ANYWHERE = Access((Path("/"),))
MILLISECONDS = Fraction(1, 1000)
TS_PACKET_BYTES = 188
PICTURE_BEGINS = b"\x00\x00\x01\xe0"
SOUND_BEGINS = b"\x00\x00\x01\xc0"


def shared_video(name: str) -> Path:
    """Return a shared video, or skip the test that asks for it."""
    path = SHARED / "videos" / name
    if not path.exists():
        pytest.skip(f"{path} is not there: set FRAMEBUS_SHARED")
    return path


def write_refused(path: Path) -> Path:
    """Write a second whose picture at 500 ms nobody can send, noise down to its colours: its JPEG is larger than a record."""
    width, height = size = 16, 62_500
    pictures = [np.full((height * 3 // 2, width), 128, np.uint8) for _ in range(3)]
    pictures[1] = np.random.default_rng(1).integers(0, 256, pictures[1].shape, np.uint8)
    return write_video(
        path, (0, 500, 1_000), size=size, codec="mjpeg", pixels="yuvj420p", pictures=pictures, pictures_format="yuvj420p",
        options={"flags": "+qscale", "global_quality": "118"},
    )  # fmt: skip


@contextmanager
def opened(path: Path) -> Iterator[OpenFile]:
    """Open a local file as the decoder does."""
    file = open_file(parse(str(path)), ANYWHERE)
    with closing(file.stream):
        yield file


@contextmanager
def video(path: Path, threads: int = 1) -> Iterator[Video]:
    """Open a local video as the decoder does."""
    with opened(path) as file, closing(Video(file, threads)) as found:
        yield found


def flip_pts(path: Path, picture: int, bit: int, begins: bytes = PICTURE_BEGINS) -> None:
    """Flip one of the three highest bits of the timestamp of a picture in an MPEG-TS, the one decoded as number `picture`.

    Of what else begins with the bytes `begins`, that which comes as such a number.
    """
    content = bytearray(path.read_bytes())
    begun = (at for at in range(0, len(content), TS_PACKET_BYTES) if content[at + 1] & 0x40)
    payloads = (at + 4 + (content[at + 3] & 0x20 and 1 + content[at + 4]) for at in begun)
    at = next(islice((at for at in payloads if content[at : at + 4] == begins), picture, None))
    content[at + 9] ^= 1 << bit - 29
    path.write_bytes(content)


def scene(index: int, width: int, height: int) -> npt.NDArray[np.uint8]:
    """Return an RGB picture that tells its index by its shade and by where its bright bar stands."""
    picture = np.full((height, width, 3), 40 + index * 7 % 120, np.uint8)
    left = index * 13 % max(1, width - 8)
    picture[:, left : left + 8] = (250, 220, 30)
    return picture


def write_video(
    path: Path,
    times_ms: Sequence[int],
    *,
    size: tuple[int, int] = (64, 48),
    codec: str = "libx264",
    pixels: str = "yuv420p",
    gop: int = 12,
    pictures: Iterable[npt.NDArray[np.uint8]] | None = None,
    pictures_format: str = "rgb24",
    rotation: float | None = None,
    mirrored: bool = False,
    sample_aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write one frame at each of `times_ms`; the container's format follows from the suffix."""
    width, height = size
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=25, options=options or {})
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        stream.codec_context.gop_size = gop
        stream.codec_context.time_base = stream.time_base = MILLISECONDS
        if sample_aspect is not None:
            stream.codec_context.sample_aspect_ratio = sample_aspect
        if rotation is not None:
            stream.set_display_rotation(rotation, hflip=mirrored)
        shown = pictures or (scene(index, width, height) for index in range(len(times_ms)))
        for t_ms, picture in zip(times_ms, shown, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, pictures_format)
            frame.pts, frame.time_base = t_ms, MILLISECONDS
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
