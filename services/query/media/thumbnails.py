"""`GET /v1/sources/{source_id}/thumbnail`: one moment as a small JPEG."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from starlette.responses import Response

from schemas.messages import Source
from schemas.recordings import thumbnail_name
from services.query.access import Grant, require_or_link
from services.query.media.deadline import Deadline
from services.query.media.footage import Footage, Rises, footage_of, nothing_recorded
from services.query.media.freshness import Patience
from services.query.media.original import NothingThereError
from services.query.media.parameters import Time, check_life
from services.query.media.picture import picture_at
from services.query.media.refusals import NO_ROOM, refusing
from services.query.media.sending import CachedFile
from services.query.media.store import FindSource, MediaStore, life_of
from services.query.media.stretches import CLOSE_MS
from services.query.problems import Problem, invalid

HEADERS: Final = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}


def thumbnail_router(store: MediaStore, find: FindSource, rises: Rises) -> APIRouter:
    """Make the routes of thumbnails."""
    router = APIRouter(prefix="/v1/sources/{source_id}", tags=["media"])

    @router.head("/thumbnail", include_in_schema=False)
    @router.get("/thumbnail", response_class=CachedFile)
    async def thumbnail(
        source_id: str, t_ms: Time, grant: Annotated[Grant, Depends(require_or_link("search"))], life: int | None = None
    ) -> Response:
        """Return the frame at `t_ms`, right side up, at most 480 × 320 pixels; with `life`, only while that one is in force."""
        source = find(source_id, grant)
        check_life(source, life)
        shown = _stored(store, source, t_ms) or await _of_footage(store, rises, source, t_ms)
        if isinstance(shown, bytes):
            return Response(shown, media_type="image/jpeg", headers=HEADERS)
        return CachedFile(shown, media_type="image/jpeg", headers=HEADERS)

    return router


def _stored(store: MediaStore, source: Source, t_ms: int) -> Path | None:
    """Return the picture that the embedder has kept of a source of which nothing is recorded."""
    if source.kind == "file":
        return None
    path = store.pushed_thumbnails_folder / source.source_id / str(source.life) / thumbnail_name(t_ms)
    if path.is_file():
        return path
    if source.kind == "push":
        raise Problem(404, "nothing-recorded", f"t_ms {t_ms}: source {source.source_id} has no picture of this moment")
    return None


async def _of_footage(store: MediaStore, rises: Rises, source: Source, t_ms: int) -> Path | bytes:
    if t_ms < 0:
        raise invalid("t_ms", f"t_ms {t_ms}: a timeline begins at 0")
    look = partial(footage_of, store.folder, rises, source, t_ms, t_ms + CLOSE_MS)
    footage = await asyncio.to_thread(look)
    if source.kind == "camera":
        return await _of_camera(store, source, t_ms, look, footage)
    with refusing():
        return await _made(store, source, footage, t_ms)


async def _of_camera(
    store: MediaStore, source: Source, t_ms: int, look: Callable[[], Footage], footage: Footage | None
) -> Path | bytes:
    """Return the thumbnail, that of a moment that has just been captured as soon as it is recorded."""
    patience = Patience(t_ms)
    while footage is not None:
        with refusing(), suppress(NothingThereError):
            return await _made(store, source, footage, t_ms)
        footage = await patience.growth(look, footage)
    raise await asyncio.to_thread(nothing_recorded, store.folder, source, t_ms, t_ms + 1)


async def _made(store: MediaStore, source: Source, footage: Footage, t_ms: int) -> Path | bytes:
    name = f"{footage.content}-{t_ms}.jpg"
    found = store.thumbnails.find(life_of(source), name)
    if found is not None:
        return found
    if not footage.stretches:
        raise NothingThereError
    work = partial(_make, store, life_of(source), name, footage, t_ms)
    return await store.thumbnail_shop.do(f"{source.source_id}/{name}/{footage.state}", work)


def _make(store: MediaStore, life: str, name: str, footage: Footage, t_ms: int) -> Path | bytes:
    """Make a thumbnail; it is kept where the disk takes it, and shown all the same where that is full."""
    picture = picture_at(footage.stretches, t_ms, store.access, Deadline(store.work_limit_seconds).check)

    def write(draft: Path) -> None:
        draft.write_bytes(picture)

    try:
        return store.thumbnails.keep(life, name, write)
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        return picture
