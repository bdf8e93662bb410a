"""A stage in front of a camera: it shows the scene that a test sets, and the time in its top quarter."""

from framebus.demo.camera import LiveScene
from framebus.demo.camera.timecode import Picture, draw_number
from tests.end_to_end.videos import as_jpeg, scene

SIZE = (320, 180)
FPS = 20.0
FRAME_MS = 1000 / FPS


class Stage:
    """What a camera sees. A test changes `seed` while it runs."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def draw(self, wall_ms: int, picture: Picture) -> None:
        """Draw what is on the stage now."""
        picture[:] = shown(self.seed, wall_ms)

    def source(self) -> LiveScene:
        """Return what a camera server shows."""
        return LiveScene(self.draw, size=SIZE, fps=FPS)


def shown(seed: int, wall_ms: int) -> Picture:
    """Return the picture, RGB, of a scene at a time."""
    picture = scene(seed, *SIZE)
    draw_number(picture, wall_ms)
    return picture


def asked(seed: int) -> bytes:
    """Return the JPEG that a search for a scene sends: its time is another one."""
    return as_jpeg(shown(seed, 1_234_567_890_123))
