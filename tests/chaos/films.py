"""Files whose rows are known, and cameras that show the time."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from encoders.encoder import Encoder
from framebus.demo.camera import LiveScene
from framebus.demo.camera.scene import Codec
from framebus.demo.camera.timecode import Picture
from tests.comparison import Vector
from tests.end_to_end.uninterrupted import uninterrupted
from tests.end_to_end.videos import scene, write_video

FILM_FPS: Final = 4.0
SECONDS_EACH: Final = 14.0
SHOT_MS: Final = 5000


@dataclass(frozen=True)
class Film:
    """A file, and the vector of each of its rows by t_ms."""

    path: Path
    rows: dict[int, Vector]


def films(folder: Path, encoder: Encoder, lengths: Sequence[int]) -> list[Film]:
    """Write a film of so many scenes for each length, and compute its rows as an uninterrupted run makes them."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number, scenes in enumerate(lengths, 1):
        path = write_video(folder / f"{number}.mp4", list(range(100 * number, 100 * number + scenes)), seconds_each=SECONDS_EACH)
        made.append(Film(path, uninterrupted(path, encoder, FILM_FPS)))
    return made


@dataclass(frozen=True)
class Form:
    """How a camera sends what it shows."""

    size: tuple[int, int] = (160, 96)
    fps: float = 10.0
    codec: Codec = "h264"


def camera(number: int, form: Form) -> LiveScene:
    """Return what a camera shows: another scene every five seconds, with a square that moves."""

    def draw(wall_ms: int, picture: Picture) -> None:
        picture[:] = scene(10_000 * number + wall_ms // SHOT_MS % 1000, *form.size)
        left = wall_ms // 50 % 150
        picture[40:50, left : left + 10] = 128

    return LiveScene(draw, size=form.size, fps=form.fps, codec=form.codec)
