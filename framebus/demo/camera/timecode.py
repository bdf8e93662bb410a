"""Numbers as black and white blocks in the top quarter of a picture: still readable after H.264, JPEG and scaling. Pure."""

from typing import Final

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]

ROWS: Final = 2
COLUMNS: Final = 24
NUMBER_BITS: Final = 42
CHECK: Final = 61
SURE: Final = 48
"""A block whose mean is nearer to grey than this is not one of ours."""


def draw_number(picture: Picture, number: int) -> None:
    """Write a number below 2^42 (a frame's index, or a time in ms since 1970) into an RGB picture of at least 192 x 64."""
    height, width = picture.shape[0] // 4, picture.shape[1]
    code = number << 6 | number % CHECK
    bits = np.array([code >> place & 1 for place in range(ROWS * COLUMNS)], np.uint8).reshape(ROWS, COLUMNS) * 255
    rows, columns = np.arange(height) * ROWS // height, np.arange(width) * COLUMNS // width
    picture[:height] = bits[rows][:, columns, None]


def read_number(picture: Picture) -> int | None:
    """Return the number in an RGB or grey picture of any size; None where there is none."""
    grey = picture.astype(np.float32) if picture.ndim == 2 else picture.mean(axis=2)
    means = np.array([_mean(grey, place) for place in range(ROWS * COLUMNS)])
    if np.abs(means - 127.5).min() < SURE:
        return None
    code = sum(1 << place for place in np.flatnonzero(means > 127.5).tolist())
    number, check = code >> 6, code & 63
    return number if number % CHECK == check else None


def _mean(grey: npt.NDArray[np.float32], place: int) -> float:
    """Return the mean of the inner half of a block."""
    row, column = divmod(place, COLUMNS)
    height, width = grey.shape[0] / 4 / ROWS, grey.shape[1] / COLUMNS
    top, left = (row + 0.25) * height, (column + 0.25) * width
    bottom, right = max(top + 1, top + height / 2), max(left + 1, left + width / 2)
    return float(grey[int(top) : int(bottom), int(left) : int(right)].mean())
