"""What comes before a body is short and comes soon, or the connection ends."""

import asyncio
import itertools
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from services.query.heads import HEAD_LIMIT_BYTES, BoundedHeads
from tests.query.serving import serve

GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


class Quick(BoundedHeads):
    """As the service serves, in a hurry."""

    head_seconds = 0.4


async def answer(request: Request) -> PlainTextResponse:
    """Answer with the length of the body, late."""
    length = len(await request.body())
    await asyncio.sleep(2 * Quick.head_seconds if "slow" in request.query_params else 0)
    return PlainTextResponse(f"{length} bytes")


Address = tuple[str, int]
APP = Starlette(routes=[Route("/", answer, methods=["GET", "POST"])])


@pytest.fixture(scope="module")
def address() -> Iterator[Address]:
    with serve(APP, Quick) as url:
        yield "127.0.0.1", urlsplit(url).port or 0


@pytest.fixture(scope="module")
def patient() -> Iterator[Address]:
    with serve(APP) as url:
        yield "127.0.0.1", urlsplit(url).port or 0


def sent(address: Address, pieces: Iterable[bytes], wait_seconds: float = 0.0) -> tuple[bytes, float]:
    """Return what a connection answers until it is closed, and after how many seconds that is."""
    began = time.monotonic()
    received = b""
    with socket.create_connection(address, timeout=5) as connection:
        with suppress(ConnectionError):
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(wait_seconds)
        with suppress(ConnectionError):
            while more := connection.recv(65_536):
                received += more
    return received, time.monotonic() - began


def dripping(first: bytes, drop: bytes = b"x", most: int = 60) -> Iterator[bytes]:
    yield first
    yield from itertools.repeat(drop, most)


@pytest.mark.parametrize(
    "first",
    [b"GET / HTTP/1.1\r\nX: ", b"GET /", GET + b"\r\n" + GET + b"X: ", CHUNKED + b"0\r\n\r\n" + GET + b"X: "],
    ids=["a header", "an address", "a second request", "a request behind a body"],
)
def test_a_head_that_takes_its_time_ends_the_connection(address: Address, first: bytes) -> None:
    received, seconds = sent(address, dripping(first), 0.05)
    assert received.count(b"200 OK") == first.count(b"\r\n\r\n") - first.count(b"chunked")
    assert seconds < 2.5


def test_a_connection_without_a_request_ends(address: Address) -> None:
    received, seconds = sent(address, [])
    assert (received, seconds < 2.5) == (b"", True)


def test_empty_lines_before_a_request_do_not_keep_a_connection_open(address: Address) -> None:
    for first in (b"\r\n", GET + b"\r\n"):
        assert sent(address, dripping(first, b"\r\n"), 0.05)[1] < 2.5


@pytest.mark.parametrize(
    "first",
    [GET + b"X: ", b"GET /", GET + b"\r\n" + GET + b"X: ", CHUNKED + b"1\r\na\r\n0\r\nX: ", CHUNKED + b"1;"],
    ids=["a header", "an address", "a header of a second request", "a trailer", "what describes a chunk"],
)
def test_a_head_that_does_not_end_is_refused(patient: Address, first: bytes) -> None:
    _, seconds = sent(patient, dripping(first, b"x" * 10_000, 100), 0.002)
    assert seconds < 5


def test_many_headers_are_refused_with_the_limit(patient: Address) -> None:
    headers = b"".join(b"x-%04d: %b\r\n" % (number, b"v" * 50) for number in range(1_100))
    assert HEAD_LIMIT_BYTES < len(headers) < HEAD_LIMIT_BYTES + 1_000
    received, _ = sent(patient, [GET, headers[:60_000], headers[60_000:] + b"\r\n"], 0.05)
    assert received.startswith(b"HTTP/1.1 431 ")
    assert b"65536 bytes" in received
    assert sent(patient, [GET + headers[:60_000] + b"Connection: close\r\n\r\n"])[0].startswith(b"HTTP/1.1 200 ")


def test_what_follows_a_head_may_be_long_and_take_its_time(address: Address) -> None:
    post = b"POST /?slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    assert b"300000 bytes" in sent(address, [post % 300_000 + bytes(300_000)])[0]
    assert b"20 bytes" in sent(address, [post % 20, *itertools.repeat(b"x", 20)], 0.05)[0]
    chunks = b"1\r\nx\r\n" * 30_000 + b"0\r\n\r\n"
    chunked = CHUNKED.replace(b"POST /", b"POST /?slow").replace(b"Host: a", b"Host: a\r\nConnection: close")
    assert b"30000 bytes" in sent(address, [chunked + chunks])[0]


def test_requests_that_come_at_once_are_answered_one_after_the_other(address: Address) -> None:
    slow = GET.replace(b"GET /", b"GET /?slow")
    received, _ = sent(address, [slow + b"\r\n" + slow + b"\r\n" + GET + b"Connection: close\r\n\r\n"])
    assert received.count(b"0 bytes") == 3
