"""`PUT` and `PATCH` of a source as they come over HTTP, checked and turned into a `Wish`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field

from schemas.limits import LARGEST_CAPTURED_MS, LONGEST_KEEP_DAYS
from schemas.messages import Kind, Source, Wanted
from services.query.addresses import Allowed, resolve
from services.query.problems import invalid
from services.query.strict import Labels, Name, Strict, parsed
from services.query.wanted import Wish

SLOWEST_FPS: Final = 0.001
"""One sample in a quarter of an hour, as `framebus add` takes."""


def _moment(text: str) -> str:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset from UTC: end it in Z or +hh:mm")
    if not 0 <= moment.timestamp() * 1000 <= LARGEST_CAPTURED_MS:
        raise ValueError(f"{text!r} is not in the years 1970 to 9998: other times are not known here; leave it out")
    return text


Moment = Annotated[str, Field(max_length=40), AfterValidator(_moment)]


class SourceRequest(Strict):
    """What a person wants of a source. What `PUT` leaves out takes its default; what `PATCH` leaves out stays as it is."""

    kind: Kind | None = None
    url: str | None = None
    name: Name = ""
    category: Name = ""
    labels: Labels = Field(default={})
    sample_fps: Annotated[float, Field(ge=SLOWEST_FPS, le=60)] | None = None
    starts_at: Moment | None = None
    record: bool = True
    keep_days: Annotated[float, Field(gt=0, le=LONGEST_KEEP_DAYS)] | None = None
    wanted: Wanted = "running"


@dataclass(frozen=True)
class DefaultFps:
    """Samples a second of a source that asks for nothing."""

    file: float
    camera: float

    def of(self, kind: Kind) -> float:
        """Return the default of a kind; what a producer pushes comes as it comes."""
        return self.camera if kind == "camera" else self.file


def parse(fields: Mapping[str, Any]) -> SourceRequest:
    """Return the request in decoded JSON, or raise the problem that names the first field at fault."""
    return parsed(SourceRequest, fields)


def to_wish(request: SourceRequest, allowed: Allowed, default_fps: DefaultFps, last: Source | None) -> Wish:
    """Return what is wished, or raise the problem of an address or a kind that is not taken."""
    if request.wanted == "removed":
        raise invalid("wanted", "wanted is 'removed': remove a source by DELETE")
    kind, url = _place(request, allowed, last)
    return Wish(
        kind=kind,
        url=url,
        sample_fps=request.sample_fps or default_fps.of(kind),
        name=request.name,
        category=request.category,
        labels=tuple(sorted(request.labels.items())),
        starts_at=request.starts_at,
        record=request.record,
        keep_days=request.keep_days,
        wanted=request.wanted,
    )


def _place(request: SourceRequest, allowed: Allowed, last: Source | None) -> tuple[Kind, str | None]:
    """Return kind and address. The address on record was checked when it came, or is that of an upload, which `PUT` keeps."""
    if request.url is None and request.kind == "camera":
        raise invalid("url", "url is missing: a camera has one, rtsp://host/path")
    if request.url is None:
        is_kept = last is not None and last.kind == request.kind == "file" and last.wanted != "removed"
        return request.kind or "push", last.url if last is not None and is_kept else None
    if last is not None and last.url == request.url:
        kind, url = last.kind, request.url
    else:
        kind, url = resolve(request.url, allowed)
    if request.kind not in (None, kind):
        raise invalid("kind", f"kind is {request.kind!r} and the address is that of a {kind}")
    return kind, url


def patched(last: Source, changes: Mapping[str, Any]) -> SourceRequest:
    """Return the request that makes `last` what it is with `changes`; a change to null takes the default."""
    names = set(SourceRequest.model_fields)
    unchanged = {name: value for name, value in _fields_of(last).items() if name in names and name not in changes}
    if "url" in changes:
        unchanged.pop("kind", None)
    given = {name: value for name, value in changes.items() if value is not None or name not in names}
    # Rates below SLOWEST_FPS were taken once: a source that has one can still be paused.
    rate = {} if "sample_fps" in changes else {"sample_fps": unchanged.pop("sample_fps")}
    return parse(unchanged | given).model_copy(update=rate)


def _fields_of(source: Source) -> dict[str, Any]:
    return {name: getattr(source, name) for name in source.__struct_fields__}
