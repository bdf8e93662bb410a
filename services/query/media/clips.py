"""`GET /v1/sources/{source_id}/clip`: a span as an MP4 that plays from its first second."""

from functools import partial
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse

from services.query.access import Grant, require_or_link
from services.query.media.cutting import cut_clip
from services.query.media.deadline import Deadline
from services.query.media.refusals import address_of, refusing
from services.query.media.store import FindSource, MediaStore, version_of
from services.query.problems import invalid

LONGEST_CLIP_MS: Final = 600_000
HEADERS: Final = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}


def clip_router(store: MediaStore, find: FindSource) -> APIRouter:
    """Make the routes of clips."""
    router = APIRouter(prefix="/v1/sources/{source_id}", tags=["media"])

    @router.head("/clip", include_in_schema=False)
    @router.get("/clip", response_class=FileResponse)
    async def clip(
        source_id: str, start_ms: int, end_ms: int, grant: Annotated[Grant, Depends(require_or_link("search"))]
    ) -> FileResponse:
        """Return [start_ms, end_ms) of a source's timeline; an end behind the recording gives what there is."""
        source = find(source_id, grant)
        check_span(start_ms, end_ms)
        address = address_of(source)
        name = f"{version_of(source)}-{start_ms}-{end_ms}.mp4"
        path = store.clips.find(source_id, name)
        if path is None:
            work = partial(_make, store, source_id, name, address, start_ms, end_ms)
            with refusing():
                path = await store.clip_shop.do(f"{source_id}/{name}", work)
        return FileResponse(path, media_type="video/mp4", headers=HEADERS)

    return router


def check_span(start_ms: int, end_ms: int) -> None:
    """Raise the problem of a span that no clip can have."""
    if start_ms < 0:
        raise invalid("start_ms", f"start_ms {start_ms}: a timeline begins at 0")
    if end_ms <= start_ms:
        raise invalid("end_ms", f"end_ms {end_ms}: expected more than start_ms {start_ms}")
    if end_ms - start_ms > LONGEST_CLIP_MS:
        raise invalid("end_ms", f"span of {end_ms - start_ms} ms: a clip has at most {LONGEST_CLIP_MS} ms")


def _make(store: MediaStore, source_id: str, name: str, address: str, start_ms: int, end_ms: int) -> Path:
    deadline = Deadline(store.work_limit_seconds)
    return store.clips.keep(source_id, name, lambda draft: cut_clip(address, start_ms, end_ms, draft, deadline.check))
