"""The client: one method per operation, typed results, problem documents as `FramebusError`."""

import base64
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeVar

import httpx
import msgspec

from framebus.client.discovery import Stack, find_stack, home_folder
from framebus.client.errors import FramebusError, NoStackError, error_of
from framebus.client.results import (
    DeadLetterPage,
    Readiness,
    Removal,
    Replay,
    Result,
    SearchResult,
    SentFrame,
    Source,
    SourcePage,
    StackStatus,
    WholeLetter,
)
from schemas.identity import derive_source_id

POLL_SECONDS: Final = 0.5
RETRY_SECONDS: Final = 0.5
UPLOAD_SECONDS: Final = 3600.0

CONTENT_TYPES: Final = {"media": "application/octet-stream", "frames": "image/jpeg"}
PERCENT_ENCODING: Final = "in user, password and path write @ as %40, / as %2F, # as %23, ? as %3F, [ as %5B"

Mode = Literal["ranked", "best_moment", "chronological"]
R = TypeVar("R", bound=Result)


class Client:
    """A connection to one Framebus. Every method raises `FramebusError`, `NoStackError` where nothing answers.

    A server that answers 503 (it is still starting) is asked again for `starting_seconds`.
    """

    def __init__(self, url: str, api_key: str, *, timeout_seconds: float = 30.0, starting_seconds: float = 20.0) -> None:
        self.url = url.rstrip("/")
        self._starting_seconds = starting_seconds
        self._is_launched = False
        headers = {"Authorization": f"Bearer {api_key}", "Accept": "application/json"}
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=timeout_seconds, trust_env=not self.is_local)

    @classmethod
    def local(cls, home: Path | None = None, **options: float) -> Self:
        """Connect to the stack that runs on this machine, with its own key; `NoStackError` when none does."""
        return cls.to_stack(find_stack(home_folder(home, os.environ)), **options)

    @classmethod
    def to_stack(cls, stack: Stack, **options: float) -> Self:
        """Connect to a local stack. Its launcher lives, so where nothing listens yet it is waited for as for a 503."""
        client = cls(stack.url, stack.key, **options)
        client._is_launched = True
        return client

    @property
    def is_local(self) -> bool:
        """Whether the server shares this machine's file system: a loopback address."""
        return httpx.URL(self.url).host in ("127.0.0.1", "localhost", "::1")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # Sources

    def add(self, address: str | Path, source_id: str | None = None, **wanted: Any) -> Source:
        """Add a video file, a URL of one or a camera (`rtsp://user:password@host/path`), or change it when it is there already;
        return it as listed. The server keeps the password apart and shows it to nobody.

        `wanted` is any of `name category labels sample_fps starts_at record keep_days`. A local path goes by name to a
        server on this machine and is uploaded to another one. The derived id is a function of the address alone.
        """
        is_url = "://" in str(address)
        full = str(address) if is_url else str(Path(address).absolute())
        source_id = source_id or _derived_id(full)
        if is_url or self.is_local:
            return self._put_source(source_id, {"url": full, **wanted})
        uploaded = self.upload(source_id, Path(full))
        return self.change(source_id, **wanted) if wanted else uploaded

    def upload(self, source_id: str, path: Path) -> Source:
        """Send a file's bytes to the media store of the server, as the media of a source."""
        with path.open("rb") as media:
            path_of_source = f"/v1/sources/{source_id}/media"
            answer = self._send("PUT", path_of_source, params={"name": path.name}, content=media, timeout=UPLOAD_SECONDS)
        return _decoded(answer, Source)

    def sources(self) -> list[Source]:
        """List all sources that the key may see."""
        found: list[Source] = []
        cursor: str | None = None
        while True:
            page = self._get("/v1/sources", SourcePage, {"limit": "1000", **({"cursor": cursor} if cursor else {})})
            found += page.sources
            cursor = page.next_cursor
            if cursor is None:
                return found

    def source(self, source_id: str) -> Source:
        """Return one source."""
        return self._get(f"/v1/sources/{source_id}", Source)

    def send_frame(self, source_id: str, jpeg: bytes, t_ms: int | None = None, captured_ms: int | None = None) -> SentFrame:
        """Send a picture into a push source; return when Kafka has it. Times are now where they are not given."""
        params = {name: value for name, value in {"t_ms": t_ms, "captured_ms": captured_ms}.items() if value is not None}
        return _decoded(self._send("POST", f"/v1/sources/{source_id}/frames", params=params, content=jpeg), SentFrame)

    def wait(self, source_ids: Sequence[str] = (), timeout_seconds: float | None = None) -> Iterator[list[Source]]:
        """Yield the sources again and again until all are settled; by default all files. The last yield has the final states.

        A camera is never indexed to its end: it is settled when it runs and its first row can be found.
        Raises `FramebusError` for an unknown id, and `TimeoutError` when they are not settled in time.
        """
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while True:
            listed = [self.source(one) for one in source_ids] or [one for one in self.sources() if one.kind == "file"]
            yield listed
            unsettled = [one for one in listed if not one.settled]
            if not unsettled:
                return
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"not done after {timeout_seconds:g} s: {_how_far(unsettled)}")
            time.sleep(POLL_SECONDS)

    def pause(self, source_id: str) -> Source:
        """Stop reading a source; its rows stay."""
        return self._patch(source_id, {"wanted": "paused"})

    def resume(self, source_id: str) -> Source:
        """Go on reading a paused source."""
        return self._patch(source_id, {"wanted": "running"})

    def change(self, source_id: str, **wanted: Any) -> Source:
        """Change any part of a source."""
        return self._patch(source_id, wanted)

    def remove(self, source_id: str) -> Removal:
        """Remove a source with its rows, thumbnails and recorded media; a file that is yours stays where it is."""
        answer = self._send("DELETE", f"/v1/sources/{source_id}")
        return _decoded(answer, Removal) if answer.content else Removal(source_id=source_id)

    # Search

    def search(
        self,
        text: str | None = None,
        *,
        image: Path | bytes | None = None,
        sources: Sequence[str] = (),
        categories: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        since: str | None = None,
        until: str | None = None,
        mode: Mode = "ranked",
        per_source: int | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> SearchResult:
        """Find the seconds that show `text`, look like `image` (JPEG, PNG or WebP), or both. Times are ISO 8601."""
        picture = image.read_bytes() if isinstance(image, Path) else image
        filters = {"sources": sources, "categories": categories, "labels": labels, "since": since, "until": until}
        body = {
            "text": text,
            "image": base64.b64encode(picture).decode() if picture is not None else None,
            "filters": _given(filters),
            "mode": mode,
            "per_source": per_source,
            "limit": limit,
            "cursor": cursor,
        }
        return _decoded(self._send("POST", "/v1/search", content=msgspec.json.encode(_given(body))), SearchResult)

    def clip(self, source_id: str, start_ms: int, end_ms: int) -> bytes:
        """Return a playable MP4 of a span."""
        return self._send("GET", f"/v1/sources/{source_id}/clip", params={"start_ms": start_ms, "end_ms": end_ms}).content

    def thumbnail(self, source_id: str, t_ms: int) -> bytes:
        """Return a JPEG of a moment."""
        return self._send("GET", f"/v1/sources/{source_id}/thumbnail", params={"t_ms": t_ms}).content

    # The stack

    def readiness(self) -> Readiness:
        """Return what `/readyz` says of Kafka, Milvus and the model, ready or not."""
        return _decoded(self._once("GET", "/readyz", {}), Readiness)

    def status(self) -> StackStatus:
        """Return backlogs, dead letters, spaces and rows; it takes a key with the role `manage` that sees every source."""
        return self._get("/v1/admin/status", StackStatus)

    # Dead letters: these take a key with the role `manage`

    def dead_letters(self, *, limit: int = 50, cursor: str | None = None, **wanted: str | None) -> DeadLetterPage:
        """Return records that could not be processed, newest first. `wanted` is any of `topic service reason source since`."""
        given = _given({**wanted, "cursor": cursor})
        return self._get("/v1/admin/deadletters", DeadLetterPage, {"limit": str(limit), **given})

    def dead_letter(self, letter_id: str) -> WholeLetter:
        """Return all that is shown of one dead letter."""
        return self._get(f"/v1/admin/deadletters/{letter_id}", WholeLetter)

    def dead_letter_value(self, letter_id: str) -> bytes:
        """Return the bytes of a frame or an embedding."""
        return self._send("GET", f"/v1/admin/deadletters/{letter_id}/value").content

    def replay(self, letter_ids: Sequence[str], *, dry_run: bool = False) -> Replay:
        """Send up to 100 dead letters again to where their records came from; return when Kafka has them."""
        body = msgspec.json.encode({"ids": letter_ids, "dry_run": dry_run})
        return _decoded(self._send("POST", "/v1/admin/deadletters/replay", content=body), Replay)

    # HTTP

    def _get(self, path: str, result: type[R], params: Mapping[str, str] | None = None) -> R:
        return _decoded(self._send("GET", path, params=params or {}), result)

    def _put_source(self, source_id: str, wanted: Mapping[str, Any]) -> Source:
        body = msgspec.json.encode({key: value for key, value in wanted.items() if value is not None})
        return _decoded(self._send("PUT", f"/v1/sources/{source_id}", content=body), Source)

    def _patch(self, source_id: str, changes: Mapping[str, Any]) -> Source:
        return _decoded(self._send("PATCH", f"/v1/sources/{source_id}", content=msgspec.json.encode(changes)), Source)

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        deadline = time.monotonic() + self._starting_seconds
        while True:
            try:
                return self._success(method, path, request)
            except FramebusError as error:
                is_starting = error.status == httpx.codes.SERVICE_UNAVAILABLE
                if not is_starting or time.monotonic() >= deadline:
                    raise
            time.sleep(RETRY_SECONDS)
            _rewind(request.get("content"))

    def _success(self, method: str, path: str, request: Mapping[str, Any]) -> httpx.Response:
        answer = self._once(method, path, request)
        if not answer.is_success:
            raise error_of(answer.status_code, answer.reason_phrase, answer.content)
        return answer

    def _once(self, method: str, path: str, request: Mapping[str, Any]) -> httpx.Response:
        try:
            return self._http.request(method, path, headers=_content_type(path, request), **request)
        except (httpx.NetworkError, httpx.RemoteProtocolError) as error:  # refused, or broken off: all we ask may be asked twice
            if self._is_launched:
                detail = "`framebus up` says when it is ready"
                raise FramebusError(
                    f"the stack at {self.url} is still starting", detail, httpx.codes.SERVICE_UNAVAILABLE
                ) from None
            if isinstance(error, httpx.ConnectError):
                raise NoStackError(f"no stack is running at {self.url}", f"{error}; start it with `framebus up`") from None
            raise FramebusError(f"{self.url}{path} broke off", str(error) or type(error).__name__) from None
        except httpx.HTTPError as error:
            raise FramebusError(f"no answer from {self.url}{path}", str(error) or type(error).__name__) from None


def _how_far(unsettled: Sequence[Source]) -> str:
    return ", ".join(f"{one.source_id} ({one.error or one.state})" for one in unsettled[:10])


def _derived_id(address: str) -> str:
    try:
        return derive_source_id(address)
    except ValueError:  # its text would quote a password
        raise FramebusError("the address cannot be read", PERCENT_ENCODING, field="url") from None


def _content_type(path: str, request: Mapping[str, Any]) -> dict[str, str]:
    if "content" not in request:
        return {}
    return {"Content-Type": CONTENT_TYPES.get(path.rpartition("/")[2], "application/json")}


def _rewind(content: Any) -> None:
    if hasattr(content, "seek"):
        content.seek(0)


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value not in (None, (), [], {})}


def _decoded(answer: httpx.Response, result: type[R]) -> R:
    try:
        return msgspec.json.decode(answer.content, type=result)
    except msgspec.DecodeError as error:
        detail = f"{error}; the server may be of another version"
        raise FramebusError(f"an answer of {answer.url} is not understood", detail, answer.status_code) from None
