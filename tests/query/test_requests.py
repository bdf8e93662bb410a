"""Bad requests: each gets a problem document that names what is wrong."""

import asyncio
import base64
import time
import tracemalloc
from collections.abc import Iterator, MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from services.query.access import Grant
from services.query.app import _searching, _sourcing
from services.query.pages import next_cursor
from services.query.problems import Problem
from services.query.ranking import Found
from services.query.search import Answer, Took
from services.query.search_request import BODY_LIMIT_BYTES, parse, to_query
from tests.query.app_under_test import KEY, UnderTest, close, make_app
from tests.query.corpus import file_source
from tests.tiny_model import make_tiny_model

NO_SERVER = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def under_test(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UnderTest]:
    """Compose the application with a Milvus that is away."""
    folder = tmp_path_factory.mktemp("requests")
    app = make_app(make_tiny_model(folder / "model"), folder, NO_SERVER)
    app.know([file_source("known", url=str(folder / "known.mp4")), file_source("hidden")])
    yield app
    close(app)


def send(under_test: UnderTest, method: str, path: str, key: str | None = None, **request: Any) -> httpx.Response:
    """Send one request."""

    async def exchange() -> httpx.Response:
        async with under_test.client(*([key] if key else [])) as client:
            return await client.request(method, path, **request)

    return asyncio.run(exchange())


def problem(answer: httpx.Response) -> dict[str, Any]:
    """Return the problem document that an answer must be."""
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["status"] == answer.status_code
    assert document["title"]
    assert document["detail"]
    assert "Traceback" not in answer.text
    return document


NOT_A_PICTURE = base64.b64encode(b"GIF89a....").decode()

BAD_SEARCHES: list[tuple[dict[str, Any], int, str | None]] = [
    ({}, 422, "text"),
    ({"text": ""}, 422, "text"),
    ({"text": "   "}, 422, "text"),
    ({"text": "x" * 1_001}, 422, "text"),
    ({"text": 5}, 422, "text"),
    ({"txt": "red"}, 422, "txt"),
    ({"image": "http://example.com/a.jpg"}, 422, "image"),
    ({"image": "@@@"}, 422, "image"),
    ({"image": ""}, 422, "image"),
    ({"text": "red", "limit": 0}, 422, "limit"),
    ({"text": "red", "limit": 201}, 422, "limit"),
    ({"text": "red", "per_source": "many"}, 422, "per_source"),
    ({"text": "red", "mode": "best"}, 422, "mode"),
    ({"text": "red", "weights": {"text": -1}}, 422, "weights.text"),
    ({"text": "red", "weights": {"text": 0}}, 422, "weights"),
    ({"text": "red", "filters": {"since": "yesterday"}}, 422, "filters.since"),
    ({"text": "red", "filters": {"since": "2026-01-01T00:00:00"}}, 422, "filters.since"),
    ({"text": "red", "filters": {"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}}, 422, "filters.until"),
    ({"text": "red", "filters": {"time_of_day": ["25:00", "06:00"]}}, 422, "filters.time_of_day.0"),
    ({"text": "red", "filters": {"time_of_day": ["22:00"]}}, 422, "filters.time_of_day.1"),
    ({"text": "red", "filters": {"tz": "Mars/Olympus"}}, 422, "filters.tz"),
    ({"text": "red", "filters": {"tz": "Europe"}}, 422, "filters.tz"),
    ({"text": "red", "filters": {"tz": "A" * 300}}, 422, "filters.tz"),
    ({"text": "red", "filters": {"colour": "red"}}, 422, "filters.colour"),
    ({"text": "red", "cursor": "abc"}, 422, "cursor"),
    ({"text": "red", "cursor": "abcdefgh.20"}, 410, "cursor"),
    ({"like": {"source_id": "known"}}, 422, "like.t_ms"),
    ({"not": {"text": "night"}, "text": "red"}, 501, "not"),
    ({"all": ["a dog", "a child"]}, 501, "all"),
    ({"text": "red", "then": [{"text": "a car stops", "within_seconds": 10}]}, 501, "then"),
    ({"text": "red", "filters": {"probes": ["p"]}}, 501, "filters.probes"),
    ({"text": "red", "min_confidence": 0.5}, 501, "min_confidence"),
    ({"like": {"source_id": "known", "t_ms": 0, "box": [0, 0, 1, 1]}}, 501, "like.box"),
    ({"text": "red"}, 503, None),
]


@pytest.mark.parametrize(("body", "status", "field"), BAD_SEARCHES, ids=lambda value: str(value)[:60])
def test_a_bad_search_gets_a_problem_that_names_the_field(
    under_test: UnderTest, body: dict[str, Any], status: int, field: str | None
) -> None:
    answer = send(under_test, "POST", "/v1/search", json=body)
    assert (answer.status_code, problem(answer).get("field")) == (status, field)


def test_the_whole_request_of_the_page_of_interfaces_is_understood(under_test: UnderTest) -> None:
    body: dict[str, Any] = {
        "text": "a red car turning left", "image": None, "like": None, "not": None, "all": [], "then": [],
        "weights": {"text": 1.0, "image": 1.0},
        "filters": {
            "sources": ["known"], "categories": ["traffic"], "labels": {"site": "north"}, "since": "2026-11-20T08:00:00Z",
            "until": None, "time_of_day": ["22:00", "06:00"], "probes": [], "provisional": True,
        },
        "mode": "ranked", "per_source": 3, "limit": 20, "cursor": None, "min_confidence": None,
    }  # fmt: skip
    assert send(under_test, "POST", "/v1/search", json=body).status_code == 503


def test_what_is_no_json_and_no_form_is_told(under_test: UnderTest) -> None:
    broken = send(under_test, "POST", "/v1/search", content=b"{", headers={"Content-Type": "application/json"})
    assert (broken.status_code, problem(broken)["field"]) == (422, "body")
    listed = send(under_test, "POST", "/v1/search", json=["red"])
    assert "expected an object" in problem(listed)["detail"]
    other = send(under_test, "POST", "/v1/search", content=b"red", headers={"Content-Type": "text/plain"})
    assert (other.status_code, "text/plain" in problem(other)["detail"]) == (415, True)
    form = send(under_test, "POST", "/v1/search", content=b"red", headers={"Content-Type": "multipart/form-data"})
    assert problem(form)["status"] == 422
    wrong = send(under_test, "POST", "/v1/search", files={"picture": b"x"})
    assert problem(wrong)["field"] == "picture"


def test_a_body_over_the_limit_is_refused_announced_or_not(under_test: UnderTest) -> None:
    async def pieces() -> Any:
        for _ in range(BODY_LIMIT_BYTES // 1_000_000 + 1):
            yield b" " * 1_000_000

    announced = send(under_test, "POST", "/v1/search", headers={"Content-Length": str(BODY_LIMIT_BYTES + 1)}, content=b"{}")
    assert problem(announced)["status"] == 413
    streamed = send(under_test, "POST", "/v1/search", content=pieces(), headers={"Content-Type": "application/json"})
    assert problem(streamed)["status"] == 413


MANY: dict[str, tuple[str, str]] = {
    "numbers in a list": ('{"filters":{"categories":[' + "1," * 200_000 + "1]}}", "more than 20000 values"),
    "lists in a list": ('{"then":[' + "[]," * 130_000 + "[]]}", "more than 20000 values"),
    "lists in lists": ('{"then":[' + ("[" * 500 + "]" * 500 + ",") * 400 + "1]}", "more than 20000 values"),
    "numbers in a list that is short enough to be read": ('{"filters":{"probes":[' + "1," * 19_000 + "1]}}", "valid string"),
    "objects in a list": ('{"then":[' + "{}," * 9_000 + "{}]}", "at most 16 items"),
    "texts in a list": ('{"filters":{"categories":[' + '"a",' * 1_000 + '"a"]}}', "at most 1000 items"),
    "labels": ('{"filters":{"labels":{' + ",".join(f'"{i}":1' for i in range(19_000)) + "}}}", "at most 64 entries"),
    "fields": ("{" + ",".join(f'"{i}":1' for i in range(19_000)) + "}", "at most 13 entries"),
    "a text in place of a word": ('{"mode":"' + "a" * 400_000 + '"}', "a text of 400,000 characters"),
}


@pytest.mark.parametrize(("body", "told"), MANY.values(), ids=MANY)
def test_a_body_of_many_values_is_refused_before_it_takes_many_times_its_size(
    under_test: UnderTest, body: str, told: str
) -> None:
    tracemalloc.start()
    try:
        refused = send(under_test, "POST", "/v1/search", content=body, headers={"Content-Type": "application/json"})
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
    document = problem(refused)
    assert (document["status"], told in document["detail"]) == (422, True)


def test_a_form_of_many_values_and_other_bodies_are_refused_alike(under_test: UnderTest) -> None:
    form = send(under_test, "POST", "/v1/search", data={"all": "[" + "1," * 20_000 + "1]"}, files={"image": b"x"})
    assert (problem(form)["status"], form.json()["field"]) == (422, "all")
    labels = dict.fromkeys(map(str, range(65)), 1)
    assert "at most 64" in problem(send(under_test, "PUT", "/v1/sources/new-1", json={"labels": labels}))["detail"]
    assert "at most 64" in problem(send(under_test, "PATCH", "/v1/sources/known", json={"labels": labels}))["detail"]
    ids = [1] * 10_000
    assert problem(send(under_test, "POST", "/v1/admin/deadletters/replay", json={"ids": ids}))["field"] == "ids.0"


def test_what_an_address_asks_for_has_the_limits_of_a_body(under_test: UnderTest) -> None:
    long = send(under_test, "GET", "/v1/search", params={"q": "red", "label": "site=" + "n" * 201})
    assert (problem(long)["status"], problem(long)["field"]) == (422, "filters.labels.site")
    many = send(under_test, "GET", "/v1/search", params={"q": "red", "category": ["a"] * 1_001})
    assert (problem(many)["status"], problem(many)["field"]) == (422, "category")
    unknown = send(under_test, "GET", "/v1/search", params={str(number): "a" for number in range(12)})
    assert (problem(unknown)["status"], "at most 10" in problem(unknown)["detail"]) == (422, True)


@pytest.mark.parametrize("charset", ["undefined", "punycode", "unicode_escape", "utf-7", "rot13", "latin-1", "no-such"])
def test_a_form_in_another_charset_than_utf_8_is_refused(under_test: UnderTest, charset: str) -> None:
    """Python has codecs of all of these names but one, and some raise or give what no text is for any bytes."""
    parts = b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\n+2AA- \\ud800\r\n--b--\r\n'
    for quoted in (charset, f'"{charset.upper()}"'):
        headers = {"Content-Type": f"multipart/form-data; boundary=b; charset={quoted}"}
        refused = problem(send(under_test, "POST", "/v1/search", content=parts, headers=headers))
        assert (refused["status"], "expected utf-8" in refused["detail"]) == (415, True)
    for taken in ("utf-8", "US-ASCII"):
        headers = {"Content-Type": f"multipart/form-data; boundary=b; charset={taken}"}
        assert send(under_test, "POST", "/v1/search", content=parts, headers=headers).status_code == 503


def test_a_client_that_leaves_within_its_request_is_no_failure(under_test: UnderTest) -> None:
    async def left(method: str, path: str) -> list[int]:
        half: MutableMapping[str, Any] = {"type": "http.request", "body": b'{"text"', "more_body": True}
        pieces = iter([half, {"type": "http.disconnect"}])
        answers: list[int] = []

        async def receive() -> MutableMapping[str, Any]:
            return next(pieces)

        async def send(message: MutableMapping[str, Any]) -> None:
            answers.extend([message["status"]] if message["type"] == "http.response.start" else [])

        headers = [(b"authorization", f"Bearer {KEY}".encode()), (b"content-type", b"application/json")]
        scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": headers}
        await under_test.app(scope, receive, send)
        return answers

    assert asyncio.run(left("POST", "/v1/search")) == [499]
    assert asyncio.run(left("PUT", "/v1/sources/known")) == [499]
    assert asyncio.run(left("PUT", "/v1/sources/known/media")) == [499]
    assert not [path for path in under_test.services.media.uploads_folder.rglob("*") if path.is_file()]
    assert b'framebus_query_requests_total{method="PUT",status="499"} 2.0' in under_test.services.metrics.text()


def test_a_failure_is_counted_as_one(under_test: UnderTest) -> None:
    async def fail() -> None:
        raise OSError("nobody has thought of this")

    under_test.app.router.add_api_route("/v1/failing", fail)
    under_test.app.router.routes.insert(0, under_test.app.router.routes.pop())
    answer = send(under_test, "GET", "/v1/failing")
    assert (problem(answer)["status"], "nobody" in answer.text) == (500, False)
    assert b'framebus_query_requests_total{method="GET",status="500"} 1.0' in under_test.services.metrics.text()


def test_a_list_that_is_kept_shows_no_more_than_its_key_may_see_by_now(under_test: UnderTest) -> None:
    searching = _searching(under_test.services)
    hits = [Found(source_id, 1, 0, 1_000, 0, -1, 0.9) for source_id in ("known", "hidden")]
    grant = under_test.ring.grant(KEY)
    assert grant is not None
    token = searching.pages.keep(Answer(hits, True, "space", 0, Took()), grant.key_id, time.monotonic())

    async def shown(grant: Grant) -> list[str]:
        page = await searching.answer(parse({"cursor": next_cursor(token, 0)}), None, grant)
        return [hit["source_id"] for hit in orjson.loads(page.body)["hits"]]

    assert asyncio.run(shown(grant)) == ["known", "hidden"]
    assert asyncio.run(shown(replace(grant, sources=frozenset({"known"})))) == ["known"]


def test_base64_is_taken_with_or_without_what_a_browser_puts_before_it() -> None:
    assert to_query(parse({"image": NOT_A_PICTURE})).image == b"GIF89a...."
    assert to_query(parse({"image": "data:image/gif;base64," + NOT_A_PICTURE})).image == b"GIF89a...."


def test_requests_without_a_key_or_beyond_it_are_refused(under_test: UnderTest) -> None:
    assert problem(send(under_test, "POST", "/v1/search", "wrong", json={"text": "red"}))["status"] == 401
    searcher = under_test.ring.add(["search"], ["known"])
    assert problem(send(under_test, "PUT", "/v1/sources/known", searcher, json={}))["status"] == 403
    assert problem(send(under_test, "DELETE", "/v1/sources/known", searcher))["status"] == 403


def test_a_source_that_a_key_may_not_see_looks_like_one_that_is_not_there(under_test: UnderTest) -> None:
    searcher = under_test.ring.add(["search", "manage"], ["known"])
    hidden, absent = (problem(send(under_test, "GET", f"/v1/sources/{name}", searcher)) for name in ("hidden", "absent"))
    assert hidden["status"] == absent["status"] == 404
    assert hidden["detail"].replace("hidden", "absent") == absent["detail"]
    assert problem(send(under_test, "DELETE", "/v1/sources/hidden", searcher))["status"] == 404
    assert problem(send(under_test, "PUT", "/v1/sources/hidden", searcher, json={}))["status"] == 404
    body = {"like": {"source_id": "hidden", "t_ms": 0}}
    assert problem(send(under_test, "GET", "/v1/sources/hidden/thumbnail?t_ms=0", searcher))["status"] == 404
    listed = send(under_test, "GET", "/v1/sources", searcher).json()["sources"]
    assert [source["source_id"] for source in listed] == ["known"]
    assert send(under_test, "POST", "/v1/search", searcher, json=body).status_code in (404, 503)


BAD_SOURCES: list[tuple[dict[str, Any], int, str]] = [
    ({"url": "relative/path.mp4"}, 422, "url"),
    ({"url": "/etc/passwd"}, 422, "url"),
    ({"url": "file://elsewhere/a.mp4"}, 422, "url"),
    ({"url": "file:///films/a%00b.mp4"}, 422, "url"),
    ({"url": "ftp://host/a.mp4"}, 422, "url"),
    ({"url": "http://user:hunter2@host:port/a.mp4"}, 422, "url"),
    ({"url": "http://user:hunter2/x@host/a.mp4"}, 422, "url"),
    ({"url": "https://user:hunter2[x@host/a.mp4"}, 422, "url"),
    ({"url": "http://me:5542/hunter2@127.0.0.1/a.mp4"}, 422, "url"),
    ({"url": "https://me:${secret:known}@host/a.mp4"}, 422, "url"),
    ({"url": "https://me:${secret:new-1}@host/a.mp4"}, 422, "url"),
    ({"url": "http://host/a.mp4?token=${secret:new-1}"}, 422, "url"),
    ({"url": "http:///a.mp4"}, 422, "url"),
    ({"url": "rtsp://10.0.0.7/stream"}, 422, "url"),
    ({"url": "rtsp://me:hunter2@10.0.0.7/stream"}, 422, "url"),
    ({"url": "rtsp:///stream"}, 422, "url"),
    ({"url": "rtsp://me:hunter2/x@127.0.0.1/stream"}, 422, "url"),
    ({"url": "rtsp://me:5542/hunter2@127.0.0.1/stream"}, 422, "url"),
    ({"url": "rtsp://me:hunter2[x@127.0.0.1/stream"}, 422, "url"),
    ({"url": "rtsp://me:hunter2@127.0.0.1:port/stream"}, 422, "url"),
    ({"url": "rtsp://127.0.0.1/stream#slow"}, 422, "url"),
    ({"url": "rtsp://me:${secret:known}@127.0.0.1/stream"}, 422, "url"),
    ({"url": "rtsp://me:${secret:new-1}@127.0.0.1/stream"}, 422, "url"),
    ({"url": "rtsp://127.0.0.1/${secret:new-1}"}, 422, "url"),
    ({"url": "/films/${secret:new-1}"}, 422, "url"),
    ({"url": "me:hunter2@127.0.0.1/stream"}, 422, "url"),
    ({"url": {"rtsp": "rtsp://me:hunter2@127.0.0.1/stream"}}, 422, "url"),
    ({"name": "rtsp://me:hunter2@127.0.0.1/" + "x" * 300}, 422, "name"),
    ({"url": "s3://bucket/a.mp4"}, 501, "url"),
    ({"kind": "camera"}, 422, "url"),
    ({"kind": "file", "url": "rtsp://127.0.0.1/stream"}, 422, "kind"),
    ({"kind": "push", "url": "http://host/a.mp4"}, 422, "kind"),
    ({"wanted": "removed"}, 422, "wanted"),
    ({"sample_fps": 0}, 422, "sample_fps"),
    ({"sample_fps": 61}, 422, "sample_fps"),
    ({"sample_fps": 1e-320}, 422, "sample_fps"),
    ({"sample_fps": 0.0009}, 422, "sample_fps"),
    ({"starts_at": "noon"}, 422, "starts_at"),
    ({"starts_at": "2026-01-01T00:00:00"}, 422, "starts_at"),
    ({"starts_at": "1969-12-31T23:59:59Z"}, 422, "starts_at"),
    ({"starts_at": "9999-12-31T23:59:59-23:59"}, 422, "starts_at"),
    ({"labels": {"a": 1}}, 422, "labels.a"),
    ({"life": 7}, 422, "life"),
]


@pytest.mark.parametrize(("body", "status", "field"), BAD_SOURCES, ids=str)
def test_a_bad_source_gets_a_problem_that_names_the_field(
    under_test: UnderTest, body: dict[str, Any], status: int, field: str
) -> None:
    document = problem(send(under_test, "PUT", "/v1/sources/new-1", json=body))
    assert (document["status"], document["field"]) == (status, field)
    assert "hunter2" not in document["detail"]


def test_an_id_that_breaks_the_rule_is_told_the_rule(under_test: UnderTest) -> None:
    document = problem(send(under_test, "PUT", "/v1/sources/-bad", json={}))
    assert (document["field"], "at most 64" in document["detail"]) == ("source_id", True)


def test_a_symbolic_link_does_not_lead_out_of_an_allowed_folder(under_test: UnderTest) -> None:
    root = Path(under_test.services.allowed.file_roots[0])
    (root / "link.mp4").symlink_to("/etc/hostname")
    document = problem(send(under_test, "PUT", "/v1/sources/new-1", json={"url": str(root / "link.mp4")}))
    assert "FRAMEBUS_QUERY_FILE_ROOTS" in document["detail"]


def test_symbolic_links_in_a_circle_are_told(under_test: UnderTest) -> None:
    root = Path(under_test.services.allowed.file_roots[0])
    (root / "there").symlink_to(root / "back")
    (root / "back").symlink_to(root / "there")
    document = problem(send(under_test, "PUT", "/v1/sources/new-1", json={"url": str(root / "there" / "a.mp4")}))
    assert (document["status"], document["field"], "circle" in document["detail"]) == (422, "url", True)


@pytest.mark.parametrize(
    "address", ["thumbnail?t_ms={}", "thumbnail?t_ms=-{}", "clip?start_ms=0&end_ms={}", "clip?start_ms={}&end_ms=5"]
)
@pytest.mark.parametrize("digits", [19, 300])
def test_a_time_that_no_timeline_has_is_told(under_test: UnderTest, address: str, digits: int) -> None:
    document = problem(send(under_test, "GET", "/v1/sources/known/" + address.format("9" * digits)))
    assert (document["status"], document["field"].endswith("_ms")) == (422, True)


def test_an_upload_that_was_removed_before_it_counted_is_not_registered(under_test: UnderTest, tmp_path: Path) -> None:
    """By the removal of its source, or by another upload that came later and was registered first."""
    sourcing, grant = _sourcing(under_test.services), under_test.ring.grant(KEY)
    assert grant is not None
    before = under_test.services.book.record("known")
    with pytest.raises(Problem, match="send it again") as told:
        asyncio.run(sourcing.register_upload("known", tmp_path / "gone.mp4", "gone.mp4", grant))
    assert told.value.status == 409
    assert under_test.services.book.record("known") is before


def test_what_is_not_built_and_what_is_not_there_are_told_apart(under_test: UnderTest) -> None:
    for path in ("/v1/probes", "/v1/events", "/v1/admin/keys", "/v1/sources/known/scores"):
        assert problem(send(under_test, "GET", path))["status"] == 501
    assert problem(send(under_test, "GET", "/v1/nothing"))["status"] == 404
    assert problem(send(under_test, "DELETE", "/v1/search"))["status"] == 405


def test_a_service_that_is_still_starting_says_what_it_waits_for(tmp_path: Path) -> None:
    starting = make_app(make_tiny_model(tmp_path / "model"), tmp_path, NO_SERVER, ready=False)
    answer = send(starting, "POST", "/v1/search", json={"text": "red"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert "Kafka" in problem(answer)["detail"]
    ready = send(starting, "GET", "/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (503, False)
    assert send(starting, "GET", "/healthz").status_code == 200
    assert problem(send(starting, "GET", "/v1/sources"))["status"] == 503
    close(starting)
