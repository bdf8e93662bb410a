"""The search request as it comes over HTTP, checked and turned into a `Query`."""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime, time, tzinfo
from functools import partial
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BeforeValidator, Field

from services.query.daily import zone_named
from services.query.problems import invalid, not_yet, too_large
from services.query.ranking import Mode
from services.query.scope import Filters
from services.query.search import Like, Query
from services.query.strict import Labels, Name, Strict, few, parsed

PICTURE_LIMIT_BYTES: Final = 12_000_000
BODY_LIMIT_BYTES: Final = 17_000_000
"""A picture in base64 and the rest of a request."""

Text = Annotated[str, Field(min_length=1, max_length=1_000)]
SourceIds = Annotated[list[Name], Field(max_length=10_000, fail_fast=True)]
Names = Annotated[list[Name], Field(max_length=1_000, fail_fast=True)]
Unbuilt = Annotated[dict[str, Any], BeforeValidator(partial(few, 16))]
Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
PerSource = Annotated[int, Field(ge=1, le=100)]
Limit = Annotated[int, Field(ge=1, le=200)]
Weight = Annotated[float, Field(ge=0, le=1_000, allow_inf_nan=False)]


class LikeRequest(Strict):
    """A moment of a source. `box` is [x, y, width, height] in 0..1 of the picture."""

    source_id: Name
    t_ms: int = Field(ge=-(2**53), le=2**53)
    box: Annotated[list[float], Field(max_length=4, fail_fast=True)] | None = None


class WeightsRequest(Strict):
    """How much the parts of a query count; a moment (`like`) counts as an image."""

    text: Weight = 1.0
    image: Weight = 1.0


class FiltersRequest(Strict):
    """Which rows may come back. Times are ISO 8601 with an offset; `time_of_day` is [from, to) as HH:MM."""

    sources: SourceIds = Field(default=[])
    categories: Names = Field(default=[])
    labels: Labels = Field(default={})
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    time_of_day: tuple[Clock, Clock] | None = None
    tz: Name | None = None
    probes: Names = Field(default=[])
    provisional: bool = True


class SearchRequest(Strict):
    """A search: at least one of `text`, `image` (JPEG, PNG or WebP in base64) and `like`, or a `cursor` alone."""

    text: Text | None = None
    image: str | None = None
    like: LikeRequest | None = None
    not_: Unbuilt | None = Field(None, alias="not")
    all: Annotated[list[Text], Field(max_length=16, fail_fast=True)] = Field(default=[])
    then: Annotated[list[Unbuilt], Field(max_length=16, fail_fast=True)] = Field(default=[])
    weights: WeightsRequest = WeightsRequest()
    filters: FiltersRequest = FiltersRequest()
    mode: Mode = "ranked"
    per_source: PerSource = 3
    limit: Limit = 20
    cursor: Name | None = None
    min_confidence: float | None = None


class SearchAddress(Strict):
    """A search as the parameters of an address; `source`, `category` and `label` (NAME=VALUE) may come several times."""

    q: Text | None = None
    source: SourceIds = Field(default=[])
    category: Names = Field(default=[])
    label: Annotated[list[str], Field(max_length=64, fail_fast=True)] = Field(default=[])
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    mode: Mode = "ranked"
    per_source: PerSource = 3
    limit: Limit = 20
    cursor: Name | None = None

    def to_request(self) -> SearchRequest:
        """Return the same search as a request."""
        filters = {"sources": self.source, "categories": self.category, "labels": _labels(self.label)}
        fields = self.model_dump(include={"mode", "per_source", "limit", "cursor"})
        return parse(fields | {"text": self.q, "filters": filters | {"since": self.since, "until": self.until}})


def parse(fields: Mapping[str, Any]) -> SearchRequest:
    """Return the request in decoded JSON, or raise the problem that names the first field at fault."""
    return parsed(SearchRequest, fields)


def to_query(request: SearchRequest, picture: bytes | None = None) -> Query:
    """Return the search that is asked for; `picture` is one that came beside the JSON."""
    _refuse_unbuilt(request)
    picture = picture if picture is not None else _picture(request.image)
    text = None if request.text is None else request.text.strip()
    if text == "":
        raise invalid("text", "text is blank")
    if text is None and picture is None and request.like is None:
        raise invalid("text", "nothing to search for: give text, image or like")
    weights = _weights(request, has_text=text is not None, has_image=picture is not None or request.like is not None)
    like = None if request.like is None else Like(request.like.source_id, request.like.t_ms)
    return Query(text, picture, like, weights, _filters(request.filters), request.mode, request.per_source, request.limit)


def _labels(given: list[str]) -> dict[str, str]:
    pairs = [label.partition("=") for label in given]
    for name, equals, _ in pairs:
        if not (name and equals):
            raise invalid("label", f"label {name[:60]!r}: expected NAME=VALUE")
    return {name: value for name, _, value in pairs}


def _refuse_unbuilt(request: SearchRequest) -> None:
    unbuilt = {
        "not": request.not_,
        "all": request.all,
        "then": request.then,
        "filters.probes": request.filters.probes,
        "like.box": request.like.box if request.like else None,
        "min_confidence": request.min_confidence,
    }
    for name, value in unbuilt.items():
        if value not in (None, []):
            raise not_yet(name, name)


def _picture(image: str | None) -> bytes | None:
    if image is None:
        return None
    if len(image) > PICTURE_LIMIT_BYTES * 4 // 3 + 4:
        raise too_large("image", PICTURE_LIMIT_BYTES, "image")
    try:
        picture = base64.b64decode(image.removeprefix(_data_prefix(image)), validate=True)
    except binascii.Error as error:
        raise invalid(
            "image", f"image is not base64: {error}; it takes the bytes of a JPEG, PNG or WebP, never an address"
        ) from None
    if not picture:
        raise invalid("image", "image is empty")
    return picture


def _data_prefix(image: str) -> str:
    """Return `data:image/png;base64,` where a browser has put it in front."""
    head, comma, _ = image[:100].partition(",")
    return head + comma if comma and head.startswith("data:") and head.endswith(";base64") else ""


def _weights(request: SearchRequest, *, has_text: bool, has_image: bool) -> dict[Any, float]:
    total = request.weights.text * has_text + request.weights.image * has_image
    if total <= 0:
        raise invalid("weights", "weights: the parts that are given have no weight")
    return {"text": request.weights.text, "image": request.weights.image}


def _filters(wanted: FiltersRequest) -> Filters:
    since_ms, until_ms = _epoch_ms(wanted.since), _epoch_ms(wanted.until)
    if since_ms is not None and until_ms is not None and since_ms >= until_ms:
        raise invalid("filters.until", "until is not after since: no row can lie between them")
    return Filters(
        frozenset(wanted.sources),
        frozenset(wanted.categories),
        wanted.labels,
        since_ms,
        until_ms,
        _times(wanted.time_of_day),
        _zone(wanted.tz),
        wanted.provisional,
    )


def _epoch_ms(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)


def _times(times: tuple[str, str] | None) -> tuple[time, time] | None:
    if times is None:
        return None
    begin, end = (time.fromisoformat(text) for text in times)
    return begin, end


def _zone(name: str | None) -> tzinfo:
    if name is None:
        return UTC
    zone = zone_named(name)
    if zone is None:
        raise invalid("filters.tz", f"tz {name[:60]!r} is no time zone: expected a name such as Europe/Berlin")
    return zone
