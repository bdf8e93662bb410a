"""Small videos with known truth: every scene is a grid of colours that no other scene has."""

from pathlib import Path
from typing import Literal

import av
import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]


def scene(seed: int, width: int = 160, height: int = 96) -> Picture:
    """Return the picture, RGB, of scene `seed`: a 4 x 4 grid of strong colours."""
    grid = np.random.default_rng(seed).integers(0, 2, (4, 4, 3)).astype(np.uint8) * 255
    return cv2.resize(grid, (width, height), interpolation=cv2.INTER_NEAREST).astype(np.uint8)


def write_video(
    path: Path, scenes: list[int], *, seconds_each: float = 5.0, fps: int = 5, codec: Literal["libx264"] = "libx264"
) -> Path:
    """Write scenes one after the other and return the path; a small square wanders through, so that no two frames are equal."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        stream.codec_context.gop_size = 4 * fps
        for number in range(round(len(scenes) * seconds_each * fps)):
            picture = scene(scenes[int(number / (fps * seconds_each))]).copy()
            x, y = number % 150, number // 150 % 86
            picture[y : y + 10, x : x + 10] = 128
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def as_jpeg(picture: Picture) -> bytes:
    """Return the JPEG of an RGB picture."""
    done, encoded = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92])
    assert done
    return encoded.tobytes()
