"""Bodies of requests, read within a limit: JSON, a form with a picture, a picture."""

from collections.abc import AsyncGenerator
from typing import Any, Final

import orjson
from fastapi import Request
from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from services.query.problems import Problem, invalid, too_large

JSON_FIELDS: Final = frozenset({"filters", "weights", "like", "not", "all", "then"})
"""Fields that are JSON inside a form; the others are plain text."""
CHARSETS: Final = ("utf-8", "utf8", "us-ascii", "ascii")
MOST_VALUES: Final = 20_000
"""What JSON may hold, twice as much as the longest list of ids: each value takes a hundred bytes where it had two."""


async def read_json(request: Request, limit_bytes: int) -> dict[str, Any]:
    """Return the JSON object in the body. Problems: 413 over the limit, 415 for another type, 422 for what is no JSON object."""
    media_type = _media_type(request)
    if media_type not in ("application/json", ""):
        raise _not_accepted(media_type, "application/json")
    return _object("body", await _read(request, limit_bytes))


async def read_search(request: Request, limit_bytes: int) -> tuple[dict[str, Any], bytes | None]:
    """Return the fields of a search and the picture that came as a file, from JSON or from a form."""
    media_type = _media_type(request)
    if media_type == "multipart/form-data":
        return await _read_form(request, await _read(request, limit_bytes))
    if media_type not in ("application/json", ""):
        raise _not_accepted(media_type, "application/json or multipart/form-data")
    return await read_json(request, limit_bytes), None


async def read_jpeg(request: Request, limit_bytes: int) -> bytes:
    """Return the bytes of a JPEG; that they are one is seen by who decodes them."""
    media_type = _media_type(request)
    if media_type != "image/jpeg":
        raise _not_accepted(media_type, "image/jpeg")
    return await _read(request, limit_bytes)


async def _read_form(request: Request, body: bytes) -> tuple[dict[str, Any], bytes | None]:
    async def whole() -> AsyncGenerator[bytes, None]:
        yield body

    _check_charset(request)
    parser = MultiPartParser(request.headers, whole(), max_files=1, max_part_size=len(body))
    parser.spool_max_size = len(body) + 1  # all of it is in memory already, and a disk may be full
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, UnicodeError) as error:
        raise invalid("body", f"body is no form that can be read: {error}") from None
    fields: dict[str, Any] = {}
    picture: bytes | None = None
    try:
        for name, value in form.multi_items():
            if not isinstance(value, UploadFile):
                fields |= _fields(name, value)
            elif name == "image":
                picture = await value.read()
            else:
                raise invalid(name, f"{name}: the picture of a search is the file in field image")
    finally:
        await form.close()
    return fields, picture


def _check_charset(request: Request) -> None:
    """Refuse texts in what is not UTF-8: Python knows charsets that no text has (`undefined`), or that are no text at all."""
    _, parameters = parse_options_header(request.headers["content-type"])
    charset = parameters.get(b"charset", b"utf-8").decode("latin-1")
    if charset.lower() not in CHARSETS:
        raise Problem(415, "media-type-not-accepted", f"charset of the form is {charset[:40]!r}: expected utf-8")


def _fields(name: str, value: str) -> dict[str, Any]:
    if name == "request":
        return _object(name, value.encode())
    return {name: _json(name, value.encode()) if name in JSON_FIELDS else value}


def _object(name: str, content: bytes) -> dict[str, Any]:
    fields = _json(name, content)
    if not isinstance(fields, dict):
        raise invalid(name, f"{name} is JSON of type {type(fields).__name__}: expected an object")
    return fields


def _json(name: str, content: bytes) -> Any:
    if sum(map(content.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise invalid(name, f"{name} is JSON of more than {MOST_VALUES} values: nothing that is asked here has as many")
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise invalid(name, f"{name} is not JSON: {error}") from None


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _not_accepted(media_type: str, expected: str) -> Problem:
    return Problem(415, "media-type-not-accepted", f"Content-Type is {media_type[:80]!r}: expected {expected}")


async def _read(request: Request, limit_bytes: int) -> bytes:
    """Return the body; a length over the limit is refused before anything is read where it is announced."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit_bytes:
        raise too_large("body", limit_bytes, "body")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > limit_bytes:
            raise too_large("body", limit_bytes, "body")
    return bytes(body)
