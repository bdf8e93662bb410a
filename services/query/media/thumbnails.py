"""`GET /v1/sources/{source_id}/thumbnail`: one moment as a small JPEG."""

from functools import partial
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse

from schemas.messages import Source
from services.query.access import Grant, require_or_link
from services.query.media.deadline import Deadline
from services.query.media.picture import picture_at
from services.query.media.refusals import address_of, refusing
from services.query.media.store import FindSource, MediaStore, version_of
from services.query.problems import Problem, invalid

HEADERS: Final = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}


def thumbnail_router(store: MediaStore, find: FindSource) -> APIRouter:
    """Make the routes of thumbnails."""
    router = APIRouter(prefix="/v1/sources/{source_id}", tags=["media"])

    @router.head("/thumbnail", include_in_schema=False)
    @router.get("/thumbnail", response_class=FileResponse)
    async def thumbnail(source_id: str, t_ms: int, grant: Annotated[Grant, Depends(require_or_link("search"))]) -> FileResponse:
        """Return the frame at `t_ms`, right side up, at most 480 × 320 pixels."""
        source = find(source_id, grant)
        path = _pushed(store, source, t_ms) if source.kind == "push" else await _of_file(store, source, t_ms)
        return FileResponse(path, media_type="image/jpeg", headers=HEADERS)

    return router


def _pushed(store: MediaStore, source: Source, t_ms: int) -> Path:
    path = store.pushed_thumbnails_folder / source.source_id / str(source.life) / f"{t_ms}.jpg"
    if not path.is_file():
        raise Problem(404, "nothing-recorded", f"t_ms {t_ms}: source {source.source_id} has no picture of this moment")
    return path


async def _of_file(store: MediaStore, source: Source, t_ms: int) -> Path:
    if t_ms < 0:
        raise invalid("t_ms", f"t_ms {t_ms}: a timeline begins at 0")
    address = address_of(source)
    name = f"{version_of(source)}-{t_ms}.jpg"
    found = store.thumbnails.find(source.source_id, name)
    if found is not None:
        return found
    work = partial(_make, store, source.source_id, name, address, t_ms)
    with refusing():
        return await store.thumbnail_shop.do(f"{source.source_id}/{name}", work)


def _make(store: MediaStore, source_id: str, name: str, address: str, t_ms: int) -> Path:
    deadline = Deadline(store.work_limit_seconds)
    return store.thumbnails.keep(source_id, name, lambda draft: _write(draft, picture_at(address, t_ms, deadline.check)))


def _write(draft: Path, jpeg: bytes) -> None:
    draft.write_bytes(jpeg)
