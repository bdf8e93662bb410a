"""RTSP 1.0 requests and responses as text (RFC 2326). Pure."""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

METHODS: Final = ("OPTIONS", "DESCRIBE", "SETUP", "PLAY", "GET_PARAMETER", "TEARDOWN")
REASONS: Final = {
    200: "OK",
    302: "Found",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    453: "Not Enough Bandwidth",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    461: "Unsupported Transport",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
}
TRACK: Final = re.compile(r"/trackID=(\d+)$")


class NotRtsp(ValueError):  # noqa: N818  what it is
    """What came is no RTSP request."""


@dataclass(frozen=True)
class Request:
    """A request; the names of its headers are in lower case."""

    method: str
    url: str
    headers: dict[str, str]

    @property
    def mount(self) -> str:
        """The name of the camera that is meant."""
        return TRACK.sub("", self._path).strip("/")

    @property
    def track(self) -> int | None:
        """The number of the track that is meant, None for all."""
        found = TRACK.search(self._path)
        return int(found[1]) if found else None

    @property
    def session(self) -> str:
        """The session that the request belongs to, empty for none."""
        return self.headers.get("session", "").partition(";")[0].strip()

    @property
    def _path(self) -> str:
        return urlsplit(self.url).path.rstrip("/")


@dataclass(frozen=True)
class Response:
    """An answer to a request."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""

    def encode(self, request: Request) -> bytes:
        """Return the answer as it is sent."""
        headers = {"CSeq": request.headers.get("cseq", "0"), "Server": "framebus-camera", **self.headers}
        headers["Content-Length"] = str(len(self.body.encode()))
        lines = (f"RTSP/1.0 {self.status} {REASONS.get(self.status, 'Refused')}", *(f"{k}: {v}" for k, v in headers.items()))
        return ("\r\n".join((*lines, "", "")) + self.body).encode()


def parse_request(head: bytes) -> Request:
    """Read the head of a request; raises `NotRtsp`."""
    first, *lines = head.decode("utf-8", "replace").strip().split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("RTSP/"):
        raise NotRtsp(f"{first[:80]!r} is no RTSP request")
    pairs = (line.partition(":") for line in lines)
    return Request(words[0], words[1], {name.strip().lower(): value.strip() for name, _, value in pairs})
