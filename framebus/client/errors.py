"""What a call can fail with: the problem documents of the API (RFC 9457), and a server that does not answer."""

import msgspec


class Problem(msgspec.Struct, frozen=True):
    """A problem document. `field` names the field of the request at fault."""

    title: str = ""
    detail: str = ""
    type: str = "about:blank"
    field: str | None = None


class FramebusError(Exception):
    """The server refused a request. `status` is the HTTP status, None when there was no answer at all."""

    def __init__(self, title: str, detail: str = "", status: int | None = None, field: str | None = None) -> None:
        super().__init__(f"{title}: {detail}" if detail else title)
        self.title = title
        self.detail = detail
        self.status = status
        self.field = field


class NoStackError(FramebusError):
    """Nothing answers where a Framebus was expected."""


def error_of(status: int, reason: str, body: bytes) -> FramebusError:
    """Make the error of an answer that is not a success, whether or not its body is a problem document."""
    try:
        problem = msgspec.json.decode(body, type=Problem)
    except msgspec.DecodeError:
        problem = Problem(title=f"HTTP {status} {reason}", detail=body[:200].decode(errors="replace").strip())
    return FramebusError(problem.title or f"HTTP {status} {reason}", problem.detail, status, problem.field)
