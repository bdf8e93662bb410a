"""`PUT /v1/sources/{source_id}/media`: a file from far away becomes a source."""

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response

from schemas.identity import SOURCE_ID
from services.query.access import Grant, require
from services.query.media.refusals import storing
from services.query.media.removal import WhileUnchanged, remove_uploads
from services.query.media.store import RECEIVING, MediaStore
from services.query.media.walking import files
from services.query.problems import Problem, invalid, too_large
from services.query.sources import unknown_source

RegisterUpload = Callable[[str, Path, str, Grant], Awaitable[Response]]
"""Registers (source_id, path, file name) as a file source and answers as `PUT /v1/sources/{source_id}` does.

Raises `overtaken` where the file is no longer there.
"""

WRITE_BYTES: Final = 1024 * 1024
LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that has arrived whole, and since when (Unix time, by the clock of the file system) it is in its place."""

    path: Path
    placed_ns: int


def upload_router(store: MediaStore, register: RegisterUpload, while_unchanged: WhileUnchanged) -> APIRouter:
    """Make the route of uploads."""
    router = APIRouter(prefix="/v1/sources/{source_id}", tags=["media"])

    @router.put("/media")
    async def upload(
        source_id: str, request: Request, grant: Annotated[Grant, Depends(require("manage"))], name: str = "video"
    ) -> Response:
        """Store the body of the request as the media of a source. Whether it is a video shows in the state of the source."""
        check_upload(store, source_id, grant, request.headers.get("content-length"))
        received = await receive(store, source_id, safe_name(name), request.stream())
        answer = await register(source_id, received.path, name, grant)
        await asyncio.to_thread(remove_uploads, store, while_unchanged, source_id, received.placed_ns)
        return answer

    return router


def check_upload(store: MediaStore, source_id: str, grant: Grant, announced: str | None) -> None:
    """Refuse before the first byte what would be refused after the last."""
    if not SOURCE_ID.fullmatch(source_id):
        raise invalid("source_id", f"source_id {source_id[:80]!r}: letters, digits, '-', '_' and '.', at most 64")
    if not grant.may_see(source_id):
        raise unknown_source(source_id)
    announced_bytes = int(announced) if announced and announced.isdecimal() else 0
    if announced_bytes > store.upload_limit_bytes:
        raise too_large("an upload", store.upload_limit_bytes)
    with storing():
        store.uploads_folder.mkdir(parents=True, exist_ok=True)
    free_bytes = shutil.disk_usage(store.uploads_folder).free
    if announced_bytes > free_bytes:
        raise Problem(507, "disk-full", f"the upload has {announced_bytes} bytes and the media store {free_bytes} free")


def safe_name(name: str) -> str:
    """Return a file name that is only a name: no folder, nothing hidden, at most 100 characters; the ending stays."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name.replace("\\", "/").rpartition("/")[2]).lstrip(".-")
    return plain[-LONGEST_NAME:].lstrip(".-") or "video"


def overtaken() -> Problem:
    """Return the problem of an upload that the removal of its source, or another upload, has removed before it counted."""
    return Problem(409, "upload-overtaken", "the upload was overtaken by another change of the source: send it again")


async def receive(store: MediaStore, source_id: str, name: str, body: AsyncIterator[bytes]) -> Upload:
    """Write `body` to `uploads/<source_id>/<hash of the content>/<name>`. Raises `overtaken` where that is removed meanwhile.

    The hash gives other content another address, which is what begins a new life; the same content again changes nothing, and
    keeps the name that it has.
    """
    folder = store.uploads_folder / source_id
    with storing():
        try:
            descriptor, draft = _draft(folder)
            try:
                digest = await _write(descriptor, body, store.upload_limit_bytes)
                return _place(draft, folder / digest, name)
            finally:
                _discard(draft)
        except FileNotFoundError:
            raise overtaken() from None


def _draft(folder: Path) -> tuple[int, str]:
    folder.mkdir(parents=True, exist_ok=True)
    return tempfile.mkstemp(dir=folder, prefix=RECEIVING)


def _place(draft: str, folder: Path, name: str) -> Upload:
    folder.mkdir(parents=True, exist_ok=True)
    path, _ = max(files(folder), key=lambda file: file[1].st_mtime_ns, default=(folder / name, None))
    Path(draft).replace(path)
    return Upload(path, folder.stat().st_mtime_ns)


def _discard(draft: str) -> None:
    Path(draft).unlink(missing_ok=True)


async def _write(descriptor: int, body: AsyncIterator[bytes], limit_bytes: int) -> str:
    digest, received, waiting = sha256(), 0, bytearray()
    with os.fdopen(descriptor, "wb") as file:
        async for piece in body:
            received += len(piece)
            if received > limit_bytes:
                raise too_large("an upload", limit_bytes)
            digest.update(piece)
            waiting += piece
            if len(waiting) >= WRITE_BYTES:
                await asyncio.to_thread(file.write, bytes(waiting))
                waiting.clear()
        await asyncio.to_thread(file.write, bytes(waiting))
    if received == 0:
        raise Problem(422, "invalid-request", "the upload is empty: send the bytes of the file as the body of the request")
    return digest.hexdigest()[:16]
