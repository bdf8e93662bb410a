"""Timestamps of MPEG-TS: 33 bits that wrap, that begin anew in the middle of a file, and that nothing checks. Pure."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

WRAPS: Final = {"mpegts": 1 << 33}
"""The modulus of timestamps, by FFmpeg's name of the format."""
LEAP_PTS: Final = 90_000
"""A second, as such formats count."""

T = TypeVar("T")


def nearest(pts: int, to: int, wrap_pts: int) -> int:
    """Return `pts`, moved by whole rounds of the circle to where it is nearest `to`.

    It undoes what FFmpeg adds: whatever lies more than a minute before the first timestamp it takes for wrapped, also where a
    second part just begins earlier than the first. Without that, neither the length of what really wraps is known nor a place
    in it found.
    """
    return to + (pts - to + wrap_pts // 2) % wrap_pts - wrap_pts // 2


def without_strays(stamped: Iterable[T], pts_of: Callable[[T], int | None], wrap_pts: int) -> Iterator[T]:
    """Leave out what has a timestamp far from those of both its neighbours, as after a flipped bit.

    ```
    left out     last  next            held      next lies between last and held, on the circle of timestamps
    kept         last                  held  next
    ```
    What leaps ahead, or steps back, is held until the next is known; all else is passed on at once, as is what has no pts.
    """
    last_pts: int | None = None
    held: tuple[T, int] | None = None
    for one in stamped:
        pts = pts_of(one)
        if pts is None:
            yield one
            continue
        if held is not None and last_pts is not None:
            if (pts - last_pts) % wrap_pts >= (held[1] - last_pts) % wrap_pts:
                yield held[0]
                last_pts = held[1]
            held = None
        if last_pts is not None and (pts - last_pts) % wrap_pts > LEAP_PTS:
            held = one, pts
        else:
            yield one
            last_pts = pts
    if held is not None:
        yield held[0]
