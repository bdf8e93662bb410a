"""A file that PyAV writes to and that is ours to close: it leaves its own open where the disk refuses the first bytes."""

from io import FileIO
from typing import Any


class WholeFile(FileIO):
    """A file that takes all it is given or says why not: of less FFmpeg would hear nothing, and go on behind it."""

    def write(self, content: Any, /) -> int:
        """Write all of `content`; raises `OSError`."""
        left = memoryview(content)
        while left:
            left = left[super().write(left) :]
        return len(content)
