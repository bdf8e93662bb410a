"""A camera in which something happens when the bench says so: `python -m bench.scenes --gop-seconds 1`.

Each line `NUMBER WALL_MS` of its input lets known picture NUMBER take the place of the one before, from that moment on.
"""

import argparse
import sys
import threading
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import av
import numpy as np
import numpy.typing as npt

from bench.footage import FOOTAGE
from framebus.demo.camera import CameraServer, LiveScene
from framebus.demo.script import CLIPS, read_script

Picture = npt.NDArray[np.uint8]

NAME: Final = "event"
SIZE: Final = (640, 360)
FPS: Final = 25.0
MOMENTS: Final = (0.25, 0.75)


@dataclass
class Scene:
    """What the camera sees. `show` is called from another thread than `draw`."""

    pictures: tuple[Picture, ...]
    current: int = 0
    coming: list[tuple[int, int]] = field(default_factory=list)

    def show(self, number: int, at_ms: int) -> None:
        """Let a picture take the place of the one before, at a moment to come."""
        self.coming.append((at_ms, number))

    def draw(self, wall_ms: int, picture: Picture) -> None:
        """Draw what there is to see."""
        while self.coming and self.coming[0][0] <= wall_ms:
            _, self.current = self.coming.pop(0)
        picture[:] = self.pictures[self.current]


@cache
def known_pictures() -> tuple[Picture, ...]:
    """Return two moments of each clip that no other camera shows; neighbours in the list are of different clips."""
    files = [clip.file for clip in read_script().clips if clip.file != FOOTAGE.name]
    return tuple(_picture(file, share) for share in MOMENTS for file in files)


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m bench.scenes", description=__doc__)
    parser.add_argument("--gop-seconds", type=float, default=1.0, help="time between keyframes")
    arguments = parser.parse_args()
    scene = Scene(known_pictures())
    live = LiveScene(scene.draw, size=SIZE, fps=FPS, gop_seconds=arguments.gop_seconds)
    with CameraServer({NAME: live}) as server:
        print(server.url(NAME))
        print("ready", flush=True)
        for line in sys.stdin:
            number, at_ms = map(int, line.split())
            scene.show(number, at_ms)
        threading.Event().wait()


def _picture(file: str, share: float) -> Picture:
    with av.open(str(CLIPS / file)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
    frame = frames[int(share * len(frames))]
    return frame.to_ndarray(format="rgb24", width=SIZE[0], height=SIZE[1], interpolation="BICUBIC").astype(np.uint8)


if __name__ == "__main__":
    main()
