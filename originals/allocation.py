"""FFmpeg: how much memory one allocation may take. Four bytes of a header claim a hundred million samples, and room is made for
their index before the first is read.
"""

import ctypes
from pathlib import Path
from typing import Final

import av

from schemas.limits import JPEG_PIXELS_LIMIT
from streaming.logs import get_logger

MOST_BYTES: Final = 8 * JPEG_PIXELS_LIMIT
"""The largest picture that is decoded has six bytes a pixel in its richest format; the index of a day of video is smaller."""
LIBRARY: Final = "libavutil"

log = get_logger("allocation")


def limit_allocations(most_bytes: int = MOST_BYTES) -> bool:
    """Let every allocation of this process's FFmpeg above `most_bytes` fail; False where its library is not found.

    PyAV has no name for `av_max_alloc`, so it is called in the library that PyAV has loaded, and in those of others beside it.
    """
    mapped = Path("/proc/self/maps")
    lines = mapped.read_text().splitlines() if mapped.exists() else []
    paths = {line.split(maxsplit=5)[5] for line in lines if LIBRARY in line}
    for path in paths:
        function = ctypes.CDLL(path).av_max_alloc
        function.argtypes, function.restype = [ctypes.c_size_t], None
        function(most_bytes)
    if not paths:
        log.warning("memory of FFmpeg is not limited", av=av.__version__, reason=f"no {LIBRARY} is loaded")
    return bool(paths)
