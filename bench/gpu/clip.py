"""Frames of a clip of the demonstration as the decoder sends them, read with OpenCV: PyAV need not be there."""

from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np

from encoders.pictures import encode_jpeg
from framebus.demo.script import CLIPS

CLIP: Final = CLIPS / "people-one-by-one.mp4"
SIZE: Final = (512, 288)


def frames_as_sent() -> Iterator[bytes]:
    """Yield JPEGs of the size that the decoder sends."""
    video = cv2.VideoCapture(str(CLIP))
    while True:
        there, frame = video.read()
        if not there:
            return
        small = cv2.resize(frame, SIZE, interpolation=cv2.INTER_AREA)
        yield encode_jpeg(np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), np.uint8))
