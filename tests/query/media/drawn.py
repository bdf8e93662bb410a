"""Generated videos whose every frame shows its own number as eight black or white bars, so that a test can read which it is."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

Picture = npt.NDArray[np.uint8]

WIDTH, HEIGHT, FPS = 320, 240, 25
BARS = 8
QUIET = {"libx265": {"x265-params": "log-level=none:bframes=3:keyint=50"}}


def draw(number: int) -> Picture:
    """Draw bar b white where bit b of `number` is set, on a grey picture with a white left upper corner."""
    picture = np.full((HEIGHT, WIDTH, 3), 96, np.uint8)
    picture[:40, :40] = 255
    step = WIDTH // BARS
    for bit in range(BARS):
        picture[80:160, bit * step : (bit + 1) * step] = 255 if number >> bit & 1 else 0
    return picture


def read(picture: Picture) -> int:
    """Return the number that a picture of any size shows."""
    height, width = picture.shape[:2]
    row = picture[height // 2].mean(axis=1)
    centres = [round((bit + 0.5) * width / BARS) for bit in range(BARS)]
    return sum(1 << bit for bit, x in enumerate(centres) if row[x] > 128)


def write_video(
    path: Path,
    *,
    frames: int = 100,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    pix_fmt: str = "yuv420p",
    times: Sequence[int] | None = None,
    audio: str | None = None,
    rotation: int = 0,
    first_pts: int = 0,
    first_number: int = 0,
    size: tuple[int, int] = (WIDTH, HEIGHT),
) -> Path:
    """Write numbered frames at 25 fps, or at `times` (in 1/1000 s), and sound of the same length where a codec is named."""
    with av.open(str(path), "w") as output:
        video = output.add_stream(codec, rate=FPS, options=options or QUIET.get(codec, {}))
        assert isinstance(video, av.VideoStream)
        (video.width, video.height), video.pix_fmt = size, pix_fmt
        video.codec_context.time_base = Fraction(1, 1000)
        video.set_display_rotation(rotation)
        sound = output.add_stream(audio, rate=48_000) if audio else None
        for number in range(frames):
            frame = VideoFrame.from_ndarray(draw(first_number + number), format="rgb24").reformat(*size)
            frame.time_base = Fraction(1, 1000)
            frame.pts = first_pts + (times[number] if times else number * 1000 // FPS)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        if sound is not None:
            assert isinstance(sound, av.AudioStream)
            output.mux(sound.encode(_noise(frames / FPS, first_pts)))
            output.mux(sound.encode(None))
    return path


def _noise(seconds: float, begins_ms: int) -> av.AudioFrame:
    samples = np.random.default_rng(1).normal(0, 3000, (1, 2 * int(48_000 * seconds))).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
    frame.sample_rate, frame.pts = 48_000, 48 * begins_ms
    return frame


def shown_frames(path: Path) -> list[tuple[int, Picture]]:
    """Decode a video as a player shows it: (milliseconds, picture), right side up."""
    with av.open(str(path)) as container:
        shown = []
        for frame in container.decode(video=0):
            pixels = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
            shown.append((round(1000 * (frame.time or 0.0)), np.rot90(pixels, frame.rotation // 90)))
        return shown
