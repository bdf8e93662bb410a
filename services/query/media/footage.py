"""What shows a span of a source: its file, or the recorded segments of a camera."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from schemas.limits import LARGEST_CAPTURED_MS
from schemas.messages import Source
from schemas.recordings import life_folder
from services.query.media.original import local_path
from services.query.media.recordings import nearest_recorded, recorded
from services.query.media.stretches import Stretch
from services.query.problems import Problem

AGAIN_IN_SECONDS = 2
Rises = Callable[[Source], bool]
"""Tells whether the timestamps of a file are known to rise to its end."""


@dataclass(frozen=True, slots=True)
class Footage:
    """The files that show a span. `content` names what they hold: what was made of other content is never served.

    `state` is another name whenever a segment has grown, which adds to the content and changes nothing of it.
    """

    stretches: tuple[Stretch, ...]
    content: str
    state: str


def footage_of(media: Path, rises: Rises, source: Source, start_ms: int, end_ms: int) -> Footage:
    """Return what may show [start_ms, end_ms), or raise the problem of a source of which no media are kept. Blocks."""
    if source.kind == "camera":
        return _of_camera(media, source, start_ms, end_ms)
    if source.kind == "push" or source.url is None:
        raise _only_thumbnails(source, "is fed with single pictures")
    stretch = Stretch(source.url, rises=rises(source))
    content = _name(source, [str(source.url), _seen(local_path(source.url))])
    return Footage((stretch,), content, content)


def nothing_recorded(media: Path, source: Source, start_ms: int, end_ms: int) -> Problem:
    """Return the problem of a span of which a camera's recordings show nothing. Blocks."""
    nearest = nearest_recorded(_life(media, source), start_ms)
    found = "nothing else is recorded either" if nearest is None else f"the nearest recording is {_span(*nearest)}"
    detail = f"nothing is recorded of {_span(start_ms, end_ms)}: {found}"
    return Problem(404, "nothing-recorded", detail, headers={"Cache-Control": "no-store", "Retry-After": str(AGAIN_IN_SECONDS)})


def _of_camera(media: Path, source: Source, start_ms: int, end_ms: int) -> Footage:
    stretches = recorded(_life(media, source), start_ms, end_ms)
    if not stretches and not source.record:
        raise _only_thumbnails(source, "is not recorded")
    paths = [Path(stretch.address) for stretch in stretches]
    content = _name(source, [path.name for path in paths])
    return Footage(stretches, content, _name(source, [content, *map(_seen, paths)]))


def _only_thumbnails(source: Source, why: str) -> Problem:
    detail = f"source {source.source_id} {why}: only thumbnails are kept, there is no clip"
    return Problem(404, "only-thumbnails-kept", detail)


def _life(media: Path, source: Source) -> Path:
    return media / life_folder(source.source_id, source.life)


def _name(source: Source, parts: Sequence[str]) -> str:
    return sha256("\n".join([str(source.life), *parts]).encode()).hexdigest()[:16]


def _seen(path: Path | None) -> str:
    try:
        status = path.stat() if path is not None else None
    except OSError:
        return ""  # the file is gone: opening it says so
    return f"{status.st_mtime_ns}.{status.st_size}" if status else ""


def _span(start_ms: int, end_ms: int) -> str:
    """Return a span in UTC and in numbers; in numbers alone where no calendar has it."""
    if not 0 <= start_ms <= end_ms <= LARGEST_CAPTURED_MS:
        return f"start_ms {start_ms}, end_ms {end_ms}"
    times = (datetime.fromtimestamp(t_ms / 1000, UTC).isoformat(timespec="milliseconds") for t_ms in (start_ms, end_ms))
    return " to ".join(text.replace("+00:00", "Z") for text in times) + f" (start_ms {start_ms}, end_ms {end_ms})"
