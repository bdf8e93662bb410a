"""Errors as RFC 9457 problem documents: what was given, the rule, the way out. Never a stack trace."""

from typing import Any, Final

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from streaming.errors import Unavailable
from streaming.secrets import redact

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_SECONDS: Final = 2
SHOWN_CHARACTERS: Final = 60
LOOKED_AT_CHARACTERS: Final = 5_000
"""A text that is longer than any address is not quoted: what would have to be left out of it may begin anywhere."""

_HTTP_KINDS: Final = {404: "no-such-path", 405: "method-not-allowed"}


class Problem(Exception):  # noqa: N818  the name of RFC 9457
    """An answer that is an error. `kind` is the stable name that programs match on, `field` the part of the request at fault."""

    def __init__(
        self, status: int, kind: str, detail: str, *, field: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail := redact(detail))  # details quote what was given, which may be an address with its password
        self.status, self.kind, self.detail, self.field = status, kind, detail, field
        self.headers = headers or {}

    def response(self) -> Response:
        """Return the problem document."""
        document: dict[str, Any] = {
            "type": f"urn:framebus:problem:{self.kind}",
            "title": self.kind.replace("-", " ").capitalize(),
            "status": self.status,
            "detail": self.detail,
        }
        if self.field is not None:
            document["field"] = self.field
        return Response(orjson.dumps(document), self.status, self.headers, MEDIA_TYPE)


def invalid(field: str, detail: str) -> Problem:
    """Return the problem of a request whose `field` breaks a rule."""
    return Problem(422, "invalid-request", detail, field=field)


def not_yet(what: str, field: str | None = None) -> Problem:
    """Return the problem of something that is promised and not built."""
    return Problem(501, "not-available-yet", f"{what}: not available yet", field=field)


def too_large(what: str, limit_bytes: int, field: str | None = None) -> Problem:
    """Return the problem of a body or a part of one that is over its limit."""
    return Problem(413, "too-large", f"{what}: at most {limit_bytes} bytes are taken", field=field)


def unavailable(detail: str) -> Problem:
    """Return the problem of a dependency that does not answer; the caller may try again."""
    return Problem(503, "unavailable", detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem document."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(Unavailable, _unavailable)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientDisconnect, _left)
    app.add_exception_handler(Exception, _unexpected)


def _problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response()


def _unavailable(_request: Request, error: Exception) -> Response:
    return unavailable(str(error)).response()


def _validation(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return validation_problem(list(error.errors())).response()


def validation_problem(errors: list[Any]) -> Problem:
    """Return the problem of the first of pydantic's `errors`, which are in the order of the fields."""
    first = errors[0]
    place = [str(part) for part in first["loc"] if part not in ("body", "query", "path", "header")]
    name = ".".join(place) or "body"
    if first["type"] == "extra_forbidden":
        return invalid(name, f"{name}: there is no such field; /docs lists those that there are")
    if first["type"] == "missing":
        return invalid(name, f"{name} is missing")
    return invalid(name, f"{name} is {_shown(first.get('input'))}: {first['msg'][:1].lower()}{first['msg'][1:]}")


def _shown(value: Any) -> str:
    if isinstance(value, list | dict):
        return f"{'a list' if isinstance(value, list) else 'an object'} of {len(value):,}"
    if isinstance(value, str) and len(value) > LOOKED_AT_CHARACTERS:
        return f"a text of {len(value):,} characters"
    text = redact(repr(value))
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]} … ({len(text):,} characters)"


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = _HTTP_KINDS.get(error.status_code, "request-refused")
    detail = f"{request.method} {request.url.path[:200]}: {error.detail}; /docs lists what there is"
    return Problem(error.status_code, kind, detail, headers=dict(error.headers or {})).response()


def _left(_request: Request, _error: Exception) -> Response:
    """Answer a client that left within its request: nobody reads this, and it is counted (as nginx does) as no fault of ours."""
    return Response(status_code=499)


def _unexpected(_request: Request, _error: Exception) -> Response:
    detail = "the service failed on this request; its log says why"
    return Problem(500, "internal-error", detail).response()
