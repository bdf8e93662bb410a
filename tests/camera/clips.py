"""Clips whose every picture says which it is, and the sound that goes with them."""

import math
import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np

from framebus.demo.camera.timecode import Picture, draw_number, read_number

Codec = Literal["libx264", "libx265"]


def numbered(number: int, size: tuple[int, int]) -> Picture:
    """Return an RGB picture that carries its number, with a bar below that wanders."""
    width, height = size
    picture = np.full((height, width, 3), 40 + number * 7 % 120, np.uint8)
    left = number * 13 % max(1, width - width // 8)
    picture[height // 2 :, left : left + width // 8] = (250, 220, 30)
    draw_number(picture, number)
    return picture


def number_in(frame: av.VideoFrame) -> int | None:
    """Return the number that a decoded picture carries, None where it is not readable."""
    return read_number(frame.to_ndarray(format="gray").astype(np.uint8))


def write_clip(
    path: Path,
    frames: int,
    *,
    fps: int = 25,
    size: tuple[int, int] = (320, 180),
    codec: Codec = "libx264",
    gop: int = 25,
    b_frames: int = 0,
    sound_hertz: int = 0,
    first_number: int = 0,
    draw: Callable[[int, tuple[int, int]], Picture] = numbered,
) -> Path:
    """Write a clip in which each picture carries its number; `sound_hertz` adds a tone as AAC."""
    with av.open(str(path), "w") as container:
        video = _video_stream(container, codec, fps, size, gop, b_frames)
        sound: Any = container.add_stream("aac", rate=16_000, layout="mono") if sound_hertz else None
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(draw(first_number + index, size), "rgb24")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if sound is not None:
            container.mux([packet for frame in _tone(sound_hertz, frames / fps) for packet in sound.encode(frame)])
    return path


def write_wav(path: Path, seconds: float, hertz: int = 440) -> Path:
    """Write a tone, 16 bits mono at 16 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(_samples(hertz, seconds).tobytes())
    return path


def _video_stream(container: Any, codec: Codec, fps: int, size: tuple[int, int], gop: int, b_frames: int) -> Any:
    options = {"bf": str(b_frames), "preset": "ultrafast", "g": str(gop), "keyint_min": str(gop)}
    if codec == "libx264":
        options["x264-params"] = f"scenecut=0:bframes={b_frames}"
    else:
        options["x265-params"] = f"log-level=none:scenecut=0:bframes={b_frames}:keyint={gop}:min-keyint={gop}:pools=1"
    stream = container.add_stream(codec, rate=fps, options=options)
    stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
    return stream


def _tone(hertz: int, seconds: float) -> list[av.AudioFrame | None]:
    samples = _samples(hertz, seconds)
    frames: list[av.AudioFrame | None] = []
    for at in range(0, len(samples), 1024):
        frame = av.AudioFrame.from_ndarray(samples[None, at : at + 1024], format="s16", layout="mono")
        frame.sample_rate, frame.pts = 16_000, at
        frames.append(frame)
    return [*frames, None]


def _samples(hertz: int, seconds: float) -> Any:
    times = np.arange(round(16_000 * seconds)) / 16_000
    return (8_000 * np.sin(2 * math.pi * hertz * times)).astype("<i2")
