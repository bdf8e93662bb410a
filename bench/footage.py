"""What the cameras of the bench show: real footage at a camera's size and rate, with the noise of a sensor and its own number."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np
import numpy.typing as npt

from framebus.demo.camera.timecode import draw_number, read_number
from framebus.demo.script import CLIPS

Picture = npt.NDArray[np.uint8]

FOOTAGE: Final = CLIPS / "road-cars.mp4"
FPS: Final = 25
SECONDS: Final = 12
"""A multiple of every GOP here, so that keyframes stay in step where a clip loops."""
LOOP_MS: Final = SECONDS * 1000
NOISE: Final = 2.0
"""Standard deviation of the grain: without it upscaled footage has few bits, and decoding them would be too cheap."""
NUMBERED_SHARE: Final = 0.4
BITS_PER_SECOND: Final = {1080: 4_000_000, 360: 800_000, 192: 300_000, 96: 120_000}


def write_camera_clip(path: Path, size: tuple[int, int], gop_seconds: int) -> Path:
    """Write `SECONDS` of H.264 as cameras send it: 25 different pictures a second, no B-frames, a keyframe every GOP."""
    with av.open(str(path), "w") as container:
        options = {"preset": "veryfast", "x264-params": f"scenecut=0:bframes=0:keyint={gop_seconds * FPS}:min-keyint={FPS}"}
        stream: Any = container.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.bit_rate = BITS_PER_SECOND[size[1]]
        for number, picture in enumerate(_pictures(size)):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def number_in(jpeg: bytes) -> int | None:
    """Return the number of the frame that a sampled picture was, None where it cannot be read."""
    grey = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    return None if grey is None else read_number(_numbered(grey.astype(np.uint8)))


def _pictures(size: tuple[int, int]) -> Iterator[Picture]:
    rng = np.random.default_rng(1)
    width, height = size
    grain = np.rint(rng.normal(0.0, NOISE, (height + 64, width + 64, 1))).astype(np.int16)
    for number, frame in enumerate(islice(cycle(_frames()), SECONDS * FPS)):
        top, left = rng.integers(0, 64, 2)
        noisy = _scaled(frame, size) + grain[top : top + height, left : left + width]
        picture = np.clip(noisy, 0, 255).astype(np.uint8)
        draw_number(_numbered(picture), number)
        yield picture


def _frames() -> list[av.VideoFrame]:
    """Return the footage at 25 frames a second: each frame as often as that takes."""
    with av.open(str(FOOTAGE)) as container:
        stream = container.streams.video[0]
        times = round(FPS / float(stream.average_rate or FPS))
        return [frame for frame in container.decode(stream) for _ in range(times)]


def _scaled(frame: av.VideoFrame, size: tuple[int, int]) -> npt.NDArray[np.int16]:
    return frame.to_ndarray(format="rgb24", width=size[0], height=size[1], interpolation="BICUBIC").astype(np.int16)


def _numbered(picture: Picture) -> Picture:
    """Return the corner that carries the number."""
    height, width = picture.shape[:2]
    return picture[: round(NUMBERED_SHARE * height), : round(NUMBERED_SHARE * width)]
