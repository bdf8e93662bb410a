"""One search: encode, find candidates, read their surroundings, cut segments, rank. Runs on a worker thread."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from encoders.encoder import Encoder
from encoders.errors import NoTextTower
from encoders.pictures import QUERY_FORMATS
from schemas.errors import InvalidMessage
from schemas.identity import source_no
from services.query import filters
from services.query.access.keys import Grant
from services.query.curves import Curve, Rows, affordable, cut, hits_of, lengthened
from services.query.problems import Problem, invalid, unavailable
from services.query.question import Kind, Part, Question, ask
from services.query.ranking import Found, Mode, arrange
from services.query.scope import Filters, Scope, scope, unseen
from services.query.sources import SourceBook, unknown_source
from services.query.store import Collection, Store
from services.query.windows import GROWTHS_MS, HALVINGS, Window, merge, narrowed, open_windows

CANDIDATES: Final = 200
ROUNDS: Final = 3
"""Searches for candidates outside what earlier ones found, so that one long match does not hide all others."""
LIST_PAGES: Final = 2
SHORTEST_LIST: Final = 40
"""A list is made for this many hits or for two pages, whichever is more, so small pages walk what one large page would show."""
LIKE_REACH_MS: Final = 5_000
DAY_MS: Final = 86_400_000


@dataclass(frozen=True)
class Like:
    """A moment of a source, to find others like it."""

    source_id: str
    t_ms: int


@dataclass(frozen=True)
class Query:
    """A search, checked. At least one of `text`, `image` (the bytes of a JPEG, PNG or WebP) and `like` is given."""

    text: str | None = None
    image: bytes | None = None
    like: Like | None = None
    weights: dict[Kind, float] = field(default_factory=lambda: {"text": 1.0, "image": 1.0})
    filters: Filters = field(default_factory=Filters)
    mode: Mode = "ranked"
    per_source: int = 3
    limit: int = 20


@dataclass(frozen=True)
class Took:
    """Milliseconds of a search's steps."""

    encode: float = 0.0
    search: float = 0.0
    refine: float = 0.0


@dataclass(frozen=True)
class Answer:
    """All hits of a search, in the order in which pages show them."""

    hits: Sequence[Found]
    found: bool
    space: str
    without_clock: int
    took: Took


class Search:
    """Searches the collection behind the alias with its own encoder. For several threads, once the encoder is warm."""

    def __init__(self, book: SourceBook, store: Store, encoder: Encoder) -> None:
        self._book, self._store, self._encoder = book, store, encoder

    def run(self, query: Query, grant: Grant) -> Answer:
        """Return the answer; raises `Problem` for what cannot be asked, `Unavailable` while Milvus does not answer."""
        started = time.perf_counter()
        collection = self._collection()
        question = self._question(query, grant, collection)
        encoded = time.perf_counter()
        limits = self._scope(query.filters, grant, collection)
        windows = self._windows(query, question, limits, collection)
        searched = time.perf_counter()
        curves = self._curves(windows, question, limits, collection)
        hits = arrange(hits_of(curves), query.mode, query.per_source, _list_length(query))
        refined = time.perf_counter()
        took = Took(1e3 * (encoded - started), 1e3 * (searched - encoded), 1e3 * (refined - searched))
        return Answer(hits, _is_found(curves, question), self._encoder.space, limits.without_clock, took)

    def in_force(self, hits: Sequence[Found], grant: Grant) -> list[Found]:
        """Return those of a list that may still be shown: it is walked for minutes, while sources go and keys are narrowed."""
        return [hit for hit in hits if grant.may_see(hit.source_id) and self._book.shows(hit.source_id, hit.life)]

    def _collection(self) -> Collection:
        collection = self._store.collection()
        if collection.settings.space != self._encoder.space:
            other = f"the index holds {collection.settings.space} and this service speaks {self._encoder.space}"
            raise unavailable(f"{other}: name the encoder of the index in FRAMEBUS_ENCODER, or begin an index of its own")
        return collection

    def _question(self, query: Query, grant: Grant, collection: Collection) -> Question:
        background, fitted = self._encoder.background, self._encoder.found
        thresholds: dict[Kind, float] | None = None if fitted is None else {"text": fitted.text, "image": fitted.image}
        parts = list(self._parts(query, grant, collection))
        return ask(parts, background.texts, background.images, thresholds)

    def _parts(self, query: Query, grant: Grant, collection: Collection) -> Iterator[Part]:
        if query.text is not None:
            yield Part("text", self._text(query.text), query.weights["text"])
        if query.image is not None:
            yield Part("image", self._picture(query.image), query.weights["image"])
        if query.like is not None:
            yield Part("image", self._moment(query.like, grant, collection), query.weights["image"])

    def _text(self, text: str) -> npt.NDArray[np.float32]:
        try:
            return np.asarray(self._encoder.embed_texts([text])[0], np.float32)
        except NoTextTower as error:
            raise invalid("text", str(error)) from None

    def _picture(self, picture: bytes) -> npt.NDArray[np.float32]:
        try:
            pixels = self._encoder.prepare(picture, accept=QUERY_FORMATS)
        except InvalidMessage as error:
            raise Problem(415, "not-a-picture", f"image: {error}", field="image") from None
        vector = np.asarray(self._encoder.embed_images(pixels[np.newaxis])[0], np.float32)
        if not np.isfinite(vector).all():
            raise invalid("image", "image: the encoder gives no vector for this picture: a number of it is not finite")
        return vector

    def _moment(self, like: Like, grant: Grant, collection: Collection) -> npt.NDArray[np.float32]:
        source = self._book.get(like.source_id, grant)
        span = (source_no(like.source_id), source.life, like.t_ms - LIKE_REACH_MS, like.t_ms + LIKE_REACH_MS)
        rows = self._store.rows(collection.name, filters.stretches([span]))
        if rows.t_ms.size == 0:
            detail = f"like: {like.source_id} has no row within {LIKE_REACH_MS // 1000} s of t_ms {like.t_ms}"
            raise Problem(404, "no-such-moment", detail, field="like.t_ms")
        nearest = int(np.argmin(np.abs(rows.t_ms - like.t_ms)))
        return np.asarray(rows.vectors[nearest], np.float32)

    def _scope(self, wanted: Filters, grant: Grant, collection: Collection) -> Scope:
        known = self._book.by_number()
        for source_id in unseen(known.values(), grant.sources, wanted.sources):
            raise unknown_source(source_id, "filters.sources")
        return scope(known, grant.sources, wanted, lambda rows: self._clock_span(collection.name, rows))

    def _clock_span(self, collection: str, rows: filters.Expression) -> tuple[int, int] | None:
        """Find the days of the first and last captured_ms among `rows` by halving: Milvus 2.3.5 cannot sort."""

        def any_in(first_day: int, end_day: int) -> bool:
            clock = filters.captured(first_day * DAY_MS, end_day * DAY_MS)
            return self._store.matches(collection, filters.all_of([rows, clock]))

        end = 2 * int(time.time() * 1000) // DAY_MS
        if not any_in(0, end):
            return None
        first = _smallest(0, end, lambda day: any_in(0, day + 1))
        last = _smallest(first, end, lambda day: not any_in(day + 1, end))
        return first * DAY_MS, (last + 1) * DAY_MS - 1

    def _windows(self, query: Query, question: Question, limits: Scope, collection: Collection) -> list[Window]:
        windows: list[Window] = []
        full: set[int] = set()
        most, each = _list_length(query), 2 * query.per_source
        for _ in range(ROUNDS if limits.sources else 0):
            seen = filters.outside((window.source_no, window.first_ms, window.last_ms) for window in windows)
            elsewhere = filters.all_of([limits.expression, seen, filters.other_sources(full)])
            nearest = self._store.nearest(collection.name, question.direction, elsewhere, CANDIDATES)
            places = zip(nearest.source_no.tolist(), nearest.life.tolist(), nearest.t_ms.tolist(), strict=True)
            shown = (place for place in places if place[0] in limits.sources and limits.sources[place[0]].life == place[1])
            windows, full = open_windows(shown, windows, each, most)
            if nearest.t_ms.size < CANDIDATES or len(windows) >= most // LIST_PAGES:
                break
        return affordable(windows, limits.sources)

    def _curves(self, windows: list[Window], question: Question, limits: Scope, collection: Collection) -> list[Curve]:
        """Read the windows, best first, and more beyond a side where a segment has reached the end of its window."""
        if not windows:
            return []
        near, rows = self._near(windows, limits, collection)
        curves = cut(rows, near, question, limits.sources)
        for growth_ms in GROWTHS_MS:
            longer = lengthened(curves, growth_ms)
            missing = [window for window in longer if window not in curves]
            if not missing or not (rows := self._rows(missing, limits, collection)).whole:
                break
            kept = {window: curves[window] for window in longer if window in curves}
            curves = kept | cut(rows, missing, question, limits.sources)
        return list(curves.values())

    def _near(self, windows: list[Window], limits: Scope, collection: Collection) -> tuple[list[Window], Rows]:
        """Read what lies around each candidate, merged: as little around the worse ones as lets all rows come in one read."""
        near = merge(windows)
        rows = self._rows(near, limits, collection)
        for halvings in range(1, HALVINGS + 1):
            if rows.whole:
                break
            near = merge(narrowed(windows, halvings))
            rows = self._rows(near, limits, collection)
        return near, rows

    def _rows(self, windows: list[Window], limits: Scope, collection: Collection) -> Rows:
        spans = [(window.source_no, window.life, window.first_ms, window.last_ms) for window in windows]
        return self._store.rows(collection.name, filters.all_of([limits.clock, filters.stretches(spans)]))


def _list_length(query: Query) -> int:
    return max(LIST_PAGES * query.limit, SHORTEST_LIST)


def _is_found(curves: Sequence[Curve], question: Question) -> bool:
    best = max((float(curve.score.max(initial=-np.inf)) for curve in curves), default=-np.inf)
    return best >= (question.threshold if question.threshold is not None else -2.0)


def _smallest(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Return the smallest number in [low, high] from which on `holds` is true; it is true of `high`."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
