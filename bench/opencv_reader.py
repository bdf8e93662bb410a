"""The script that S2 is held against: OpenCV reads every frame of cameras and keeps one picture a second of each.

`python -m bench.opencv_reader read URL...`: prints `ready` when all cameras are read, and at the end of its input what it kept.
`grab` instead of `read` leaves the conversion to BGR out where no picture is kept; every frame is decoded all the same.
"""

import json
import os
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Final

import cv2

from bench.footage import number_in

SHORT_SIDE_PX: Final = 288
QUALITY: Final = 85


@dataclass
class Reader:
    """One camera, on a thread of its own."""

    url: str
    grabs: bool
    kept: list[tuple[int, bytes]] = field(default_factory=list)
    first: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Read until the process ends."""
        camera = cv2.VideoCapture(self.url, cv2.CAP_FFMPEG)
        second = 0
        while True:
            frame = None
            if self.grabs:
                assert camera.grab()
            else:
                _, frame = camera.read()
            now_ms = int(time.time() * 1000)
            if now_ms // 1000 == second:
                continue
            second = now_ms // 1000
            if self.grabs:
                _, frame = camera.retrieve()
            assert frame is not None
            self.kept.append((now_ms, _jpeg(frame)))
            self.first.set()


def main() -> None:
    """Read until the input ends."""
    how, *urls = sys.argv[1:]
    os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = "rtsp_transport;tcp"
    readers = [Reader(url, how == "grab") for url in urls]
    for reader in readers:
        threading.Thread(target=reader.run, daemon=True).start()
    for reader in readers:
        reader.first.wait()
    print("ready", flush=True)
    sys.stdin.read()
    print(json.dumps([[(at_ms, number_in(jpeg)) for at_ms, jpeg in reader.kept] for reader in readers]), flush=True)
    os._exit(0)  # the threads are inside OpenCV


def _jpeg(frame: cv2.typing.MatLike) -> bytes:
    height, width = frame.shape[:2]
    scale = SHORT_SIDE_PX / min(height, width)
    small = cv2.resize(frame, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", small, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))
    return jpeg.tobytes()


if __name__ == "__main__":
    main()
