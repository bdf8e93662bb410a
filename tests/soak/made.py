"""A soak as it might have been: eleven minutes of figures, five of them warm-up, which tests bend."""

from collections.abc import Callable, Iterator

import numpy as np

from bench.soak.samples import Samples, gather
from bench.soak.verdicts import PARTS

MINUTES = 11
LOOKS = range(0, 60 * MINUTES, 5)

Line = tuple[str, str, str, str]


def line(at_seconds: float, what: str, of: str, value: float) -> Line:
    return (f"{at_seconds}", what, of, f"{value}")


def good_lines() -> list[Line]:
    """Everything as it should be: level with noise, one import, nothing lost."""
    return [
        line(0, "planned_minutes", "2 cores", MINUTES),
        *_of_processes(),
        *(line(second + 0.3, "found_seconds", "large-1", 0.2 + 0.1 * (second % 3)) for second in range(60 * MINUTES)),
        *(line(second + 0.2, "confirmed_seconds", "large-1", 0.1) for second in range(60 * MINUTES)),
        *(line(look, "unread", topic, 3) for look in LOOKS for topic in ("frames-live", "embeddings-live")),
        line(360, "act", "import", 0),
        line(60 * MINUTES, "load_ended", "all", 0),
        line(60 * MINUTES + 2, "unread", "frames-live", 0),
        line(60 * MINUTES + 2, "drained_seconds", "all", 2.0),
    ]


def _of_processes() -> Iterator[Line]:
    rng = np.random.default_rng(1)
    for look in LOOKS:
        for place, part in enumerate(PARTS):
            yield line(look, "memory_mb", part, 100 + rng.normal())
            yield line(look, "anonymous_mb", part, 60)
            yield line(look, "handles", part, 50 + float(rng.integers(3)))
            yield line(look, "threads", part, 10)
            yield line(look, "cpu_seconds", part, 0.1 * look)
            yield line(look, "pid", part, 100 + place)
        yield line(look, "cpu_seconds", "machine", 1.5 * look)
        yield line(look, "disk_mb", "media", 40)


def good() -> Samples:
    return gather(good_lines())


def bent(*more: Line, without: str = "") -> Samples:
    """Return the good soak with other lines in it, and without those of a kind."""
    return gather([*(one for one in good_lines() if one[1] != without), *more])


def only(keep: Callable[[Line], bool], *more: Line) -> Samples:
    """Return the good soak without the lines that are not kept, and with others."""
    return gather([*(one for one in good_lines() if keep(one)), *more])


def buffered(buffer_mb: Callable[[int], float], grows_mb: float = 0.0) -> Samples:
    """Return the good soak with a Milvus whose log's write buffers hold so much at a second, and which grows beside them."""
    others = [one for one in good_lines() if one[1:3] == ("memory_mb", "milvus")]
    ours = [
        line(float(at), what, of, float(value) + buffer_mb(int(float(at))) + grows_mb * float(at))
        for at, what, of, value in others
    ]
    buffers = [line(look + 0.1, "write_buffer_mb", "milvus", buffer_mb(look)) for look in LOOKS]
    rest = [one for one in good_lines() if one not in others]
    return gather([*rest, *ours, *buffers])
