"""Search over HTTP against the real Milvus."""

import asyncio
import base64
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from msgspec.structs import replace

from schemas.collection import Row
from schemas.messages import Source
from tests.query.app_under_test import UnderTest, close, make_app
from tests.query.corpus import Corpus, file_source, make_corpus, row, unit
from tests.tiny_model import COLOURS, make_tiny_model

STARTS = 1_763_625_600_000
"""2025-11-20T08:00:00Z."""
SIZE = 32


@dataclass
class Searched:
    """A corpus in Milvus, the application over it, and the same rows in memory."""

    under_test: UnderTest
    corpus: Corpus
    rows: list[Row]
    sources: list[Source]


def picture(colour: str) -> bytes:
    """Return a plain picture as PNG."""
    pixels = np.full((SIZE, SIZE, 3), COLOURS[colour], np.uint8)
    return cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1].tobytes()


def colour_vectors(under_test: UnderTest, colours: list[str]) -> npt.NDArray[np.float32]:
    """Return the vectors of plain pictures."""
    pixels = np.stack([np.full((SIZE, SIZE, 3), COLOURS[colour], np.uint8) for colour in colours])
    return under_test.services.encoder.embed_images(pixels)


@pytest.fixture(scope="module")
def searched(milvus: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searched]:
    """Six clips of a minute at 2 samples/s: each is white but for ten seconds of its colour; one is shown in its second life."""
    folder = tmp_path_factory.mktemp("search")
    model = make_tiny_model(folder / "model")
    under_test = make_app(model, folder, milvus)
    corpus = make_corpus(milvus, under_test.services.encoder.space, under_test.services.encoder.dimension)
    under_test.services.store._alias = corpus.alias
    rng = np.random.default_rng(0)
    sources, rows = [], []
    for number in range(6):
        colour = ("red", "green", "blue")[number % 3]
        starts_at = "2025-11-20T08:00:00Z" if number % 2 == 0 else None
        labels = {"site": "north" if number < 3 else "south"}
        source = file_source(f"clip-{number}", life=1 + (number == 5), category=colour, labels=labels, starts_at=starts_at)
        shown = [colour if 20_000 <= t_ms < 30_000 else "white" for t_ms in range(0, 60_000, 500)]
        vectors = unit(colour_vectors(under_test, shown) + 0.02 * rng.normal(size=(len(shown), corpus.dimension)))
        for t_ms, vector in zip(range(0, 60_000, 500), vectors, strict=True):
            captured_ms = STARTS + number * 3_600_000 + t_ms if starts_at else -1
            rows.append(row(source, t_ms, vector, captured_ms))
        sources.append(source)
    gone = file_source("gone", wanted="removed")
    stale = [row(gone, t_ms, colour_vectors(under_test, ["red"])[0]) for t_ms in range(0, 5_000, 500)]
    stale += [row(sources[5], t_ms, colour_vectors(under_test, ["red"])[0], life=1) for t_ms in range(0, 5_000, 500)]
    corpus.write(rows + stale)
    assert corpus.visible() == len(rows) + len(stale)
    under_test.know([*sources, gone])
    yield Searched(under_test, corpus, rows, sources)
    corpus.drop()
    close(under_test)


def test_a_text_finds_the_seconds_that_show_it(searched: Searched) -> None:
    answer = asyncio.run(searched.under_test.search({"text": "red"}))
    best = answer["hits"][:2]
    assert {hit["source_id"] for hit in best} == {"clip-0", "clip-3"}
    for hit in best:
        assert hit["start_ms"] == pytest.approx(20_000, abs=500)
        assert hit["end_ms"] == pytest.approx(30_000, abs=500)
        assert hit["start_ms"] <= hit["peak_ms"] < hit["end_ms"]
    assert answer["found"]
    assert answer["notice"] == "made for tests"
    assert answer["space"] == searched.under_test.services.encoder.space


def test_a_picture_finds_the_seconds_that_look_like_it(searched: Searched) -> None:
    body = {"image": base64.b64encode(picture("blue")).decode()}
    answer = asyncio.run(searched.under_test.search(body))
    assert {hit["source_id"] for hit in answer["hits"][:2]} == {"clip-2", "clip-5"}
    assert answer["hits"][0]["start_ms"] == pytest.approx(20_000, abs=500)


def test_a_picture_may_come_as_a_file_of_a_form(searched: Searched) -> None:
    async def post() -> dict[str, object]:
        async with searched.under_test.client() as client:
            files = {"image": ("blue.png", picture("blue"), "image/png")}
            answer = await client.post("/v1/search", files=files, data={"limit": "2", "filters": '{"sources": ["clip-5"]}'})
            return dict(answer.json())

    answer = asyncio.run(post())
    assert [hit["source_id"] for hit in answer["hits"]] == ["clip-5", "clip-5"][: len(answer["hits"])]  # type: ignore[attr-defined, arg-type]


def test_text_and_picture_together_are_weighed(searched: Searched) -> None:
    both = {"text": "red", "image": base64.b64encode(picture("blue")).decode(), "limit": 1}
    red = asyncio.run(searched.under_test.search(both | {"weights": {"text": 1.0, "image": 0.01}}))
    blue = asyncio.run(searched.under_test.search(both | {"weights": {"text": 0.01, "image": 1.0}}))
    assert red["hits"][0]["source_id"] in {"clip-0", "clip-3"}
    assert blue["hits"][0]["source_id"] in {"clip-2", "clip-5"}


def test_a_moment_finds_moments_like_it(searched: Searched) -> None:
    answer = asyncio.run(searched.under_test.search({"like": {"source_id": "clip-1", "t_ms": 25_000}, "per_source": 1}))
    assert {hit["source_id"] for hit in answer["hits"][:2]} == {"clip-1", "clip-4"}


def test_rows_of_removed_sources_and_of_older_lives_are_never_shown(searched: Searched) -> None:
    answer = asyncio.run(searched.under_test.search({"text": "red", "limit": 200, "per_source": 100}))
    assert "gone" not in {hit["source_id"] for hit in answer["hits"]}
    assert not [
        hit for hit in answer["hits"] if hit["source_id"] == "clip-5" and hit["score"] > answer["hits"][0]["score"] - 0.05
    ]


FILTERS: list[dict[str, object]] = [
    {"sources": ["clip-4"]},
    {"sources": ["clip-0", "clip-5"]},
    {"categories": ["green", "blue"]},
    {"labels": {"site": "north"}},
    {"categories": ["red"], "labels": {"site": "south"}},
    {"since": "2025-11-20T08:00:10Z"},
    {"since": "2025-11-20T10:00:05.500Z", "until": "2025-11-20T10:00:06Z"},
    {"until": "2025-11-20T10:00:22+00:00"},
    {"time_of_day": ["08:00", "10:00"]},
    {"time_of_day": ["13:00", "15:00"], "tz": "Europe/Berlin"},
    {"time_of_day": ["11:30", "08:30"]},
    {"since": "2025-11-20T09:00:00Z", "time_of_day": ["00:00", "12:00"], "sources": ["clip-2", "clip-3"]},
]


@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_a_filtered_search_is_the_search_of_the_filtered_rows(searched: Searched, filters: dict[str, object]) -> None:
    answer = asyncio.run(searched.under_test.search({"text": "green", "filters": filters, "limit": 200, "per_source": 100}))
    kept = [one for one in searched.rows if admits(filters, one, searched.sources)]
    times = {(one.source_id, one.t_ms) for one in kept}
    assert {hit["source_id"] for hit in answer["hits"]} == {one.source_id for one in kept}
    assert all((hit["source_id"], hit["peak_ms"]) in times for hit in answer["hits"])
    query = searched.under_test.services.encoder.embed_texts(["green"])[0]
    background = searched.under_test.services.encoder.background.texts.mean(axis=0)
    best = max(kept, key=lambda one: (float(one.vector @ (query - background)), one.source_id))
    assert (answer["hits"][0]["source_id"], answer["hits"][0]["peak_ms"]) == (best.source_id, best.t_ms)
    assert answer["hits"][0]["score"] == pytest.approx(float(best.vector @ (query - background)), abs=1e-5)


def admits(filters: dict[str, object], one: Row, sources: list[Source]) -> bool:
    """Say whether a row passes filters: written again from the page that promises them."""
    source = next(source for source in sources if source.source_id == one.source_id)
    wanted: dict[str, object] = {"sources": [], "categories": [], "labels": {}, **filters}
    if wanted["sources"] and source.source_id not in wanted["sources"]:  # type: ignore[operator]
        return False
    if wanted["categories"] and source.category not in wanted["categories"]:  # type: ignore[operator]
        return False
    if any(source.labels.get(name) != value for name, value in wanted["labels"].items()):  # type: ignore[attr-defined]
        return False
    return admits_time(filters, one.captured_ms)


def admits_time(filters: dict[str, object], captured_ms: int) -> bool:
    """Say whether a row's clock time passes filters."""
    if not {"since", "until", "time_of_day"} & set(filters):
        return True
    if captured_ms == -1:
        return False
    moment = datetime.fromtimestamp(captured_ms / 1000, UTC)
    if "since" in filters and moment < datetime.fromisoformat(str(filters["since"])):
        return False
    if "until" in filters and moment >= datetime.fromisoformat(str(filters["until"])):
        return False
    if "time_of_day" not in filters:
        return True
    begin, end = (time.fromisoformat(text) for text in filters["time_of_day"])  # type: ignore[attr-defined]
    local = moment.astimezone(ZoneInfo(str(filters.get("tz", "UTC")))).time()
    return begin <= local < end if begin < end else local >= begin or local < end


def test_a_filter_by_clock_says_how_many_sources_have_no_clock(searched: Searched) -> None:
    answer = asyncio.run(searched.under_test.search({"text": "red", "filters": {"since": "2025-01-01T00:00:00Z"}}))
    assert answer["sources_without_clock"] == 3


def test_a_key_finds_only_what_it_may_see(searched: Searched) -> None:
    key = searched.under_test.ring.add(["search"], ["clip-3", "clip-4"])
    answer = asyncio.run(searched.under_test.search({"text": "red", "limit": 200}, key))
    assert {hit["source_id"] for hit in answer["hits"]} == {"clip-3", "clip-4"}


def test_pages_walk_the_list_that_the_first_one_fixed(searched: Searched) -> None:
    whole = asyncio.run(searched.under_test.search({"text": "red", "limit": 6}))
    first = asyncio.run(searched.under_test.search({"text": "red", "limit": 3}))
    second = asyncio.run(searched.under_test.search({"cursor": first["next_cursor"], "limit": 3}))
    places = [[(hit["source_id"], hit["start_ms"]) for hit in page["hits"]] for page in (whole, first, second)]
    assert places[1] + places[2] == places[0][:6]


def test_a_later_page_shows_nothing_of_what_was_removed_or_has_begun_anew_meanwhile(searched: Searched) -> None:
    first = asyncio.run(searched.under_test.search({"text": "red", "limit": 1}))
    again = {"cursor": first["next_cursor"], "limit": 100}
    listed = {hit["source_id"] for hit in asyncio.run(searched.under_test.search(again))["hits"]}
    removed, reborn = (source for source in searched.sources if source.source_id in sorted(listed)[:2])
    changed = [replace(removed, wanted="removed"), replace(reborn, life=reborn.life + 1)]
    searched.under_test.know(changed)
    try:
        left = {hit["source_id"] for hit in asyncio.run(searched.under_test.search(again))["hits"]}
    finally:
        searched.under_test.know(searched.sources)
    assert left == listed - {removed.source_id, reborn.source_id}


def test_hits_of_one_source_never_overlap_and_are_as_few_as_asked(searched: Searched) -> None:
    answer = asyncio.run(searched.under_test.search({"text": "white", "per_source": 2, "limit": 100}))
    for source in searched.sources:
        mine = sorted((hit["start_ms"], hit["end_ms"]) for hit in answer["hits"] if hit["source_id"] == source.source_id)
        assert len(mine) == 2
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(mine))


def test_chronological_hits_are_in_the_order_of_the_clock(searched: Searched) -> None:
    answer = asyncio.run(searched.under_test.search({"text": "white", "mode": "chronological", "limit": 100}))
    clocks = [hit["captured_at"] for hit in answer["hits"]]
    known = [clock for clock in clocks if clock]
    assert known == sorted(known)
    assert clocks == known + [None] * (len(clocks) - len(known))


def test_the_best_moment_is_one_hit_of_a_source(searched: Searched) -> None:
    answer = asyncio.run(searched.under_test.search({"text": "white", "mode": "best_moment", "limit": 100}))
    ids = [hit["source_id"] for hit in answer["hits"]]
    assert sorted(ids) == sorted(set(ids))


def test_what_is_not_there_is_not_found(searched: Searched) -> None:
    answer = asyncio.run(searched.under_test.search({"text": "black"}))
    assert not answer["found"]


def test_an_address_searches_too(searched: Searched) -> None:
    async def get() -> list[str]:
        async with searched.under_test.client() as client:
            answer = await client.get("/v1/search", params={"q": "red", "label": "site=south", "limit": "1"})
            return [hit["source_id"] for hit in answer.json()["hits"]]

    assert asyncio.run(get()) == ["clip-3"]


def test_links_of_a_hit_are_signed_for_the_key_that_searched(searched: Searched) -> None:
    hit = asyncio.run(searched.under_test.search({"text": "red", "limit": 1}))["hits"][0]
    for link in (hit["thumbnail_url"], hit["clip_url"]):
        assert link.startswith(f"/v1/sources/{hit['source_id']}/")
        assert "signature=" in link
    assert f"start_ms={hit['start_ms']}" in hit["clip_url"]
    second = asyncio.run(searched.under_test.search({"text": "blue", "filters": {"sources": ["clip-5"]}}))["hits"][0]
    assert all("life=2&" in link for link in (second["thumbnail_url"], second["clip_url"]))


def test_a_file_that_is_no_picture_is_told(searched: Searched) -> None:
    async def post(picture: bytes) -> tuple[int, str]:
        async with searched.under_test.client() as client:
            answer = await client.post("/v1/search", files={"image": picture})
            return answer.status_code, answer.json()["field"]

    for wrong in (b"GIF89a....", picture("red")[:100], b"\xff\xd8\xff"):
        assert asyncio.run(post(wrong)) == (415, "image")


def test_a_moment_or_a_source_that_is_not_there_is_told(searched: Searched) -> None:
    async def post(body: dict[str, object]) -> tuple[int, str]:
        async with searched.under_test.client() as client:
            answer = await client.post("/v1/search", json=body)
            return answer.status_code, answer.json()["field"]

    assert asyncio.run(post({"like": {"source_id": "clip-1", "t_ms": 10**9}})) == (404, "like.t_ms")
    assert asyncio.run(post({"text": "red", "filters": {"sources": ["clip-1", "gone"]}})) == (404, "filters.sources")
    nothing = asyncio.run(searched.under_test.search({"text": "red", "filters": {"categories": ["purple"]}}))
    assert (nothing["hits"], nothing["found"]) == ([], False)
