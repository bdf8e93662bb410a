"""`GET /v1/sources/{source_id}/clip`: a span as an MP4 that plays from its first second."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Depends

from schemas.messages import Source
from services.query.access import Grant, require_or_link
from services.query.media.cutting import cut_clip
from services.query.media.deadline import Deadline
from services.query.media.footage import Footage, Rises, footage_of, nothing_recorded
from services.query.media.freshness import Patience
from services.query.media.original import NothingThereError
from services.query.media.parameters import Time, check_life
from services.query.media.refusals import refusing
from services.query.media.sending import CachedFile
from services.query.media.store import Clip, FindSource, MediaStore, life_of
from services.query.problems import invalid

LONGEST_CLIP_MS: Final = 600_000
KEPT_SECONDS: Final = 3600
GROWING_KEPT_SECONDS: Final = 1
"""A copy of a clip whose end is still to be recorded is worth nothing after the next GOP."""


def clip_router(store: MediaStore, find: FindSource, rises: Rises) -> APIRouter:
    """Make the routes of clips."""
    router = APIRouter(prefix="/v1/sources/{source_id}", tags=["media"])

    @router.head("/clip", include_in_schema=False)
    @router.get("/clip", response_class=CachedFile)
    async def show(
        source_id: str,
        start_ms: Time,
        end_ms: Time,
        grant: Annotated[Grant, Depends(require_or_link("search"))],
        life: int | None = None,
    ) -> CachedFile:
        """Return [start_ms, end_ms) of a source's timeline; an end behind the recording gives what there is.

        With `life`, only while that one is in force.
        """
        source = find(source_id, grant)
        check_life(source, life)
        check_span(start_ms, end_ms)
        clip = await _clip_of(store, rises, source, start_ms, end_ms)
        kept_seconds = KEPT_SECONDS if clip.is_whole else GROWING_KEPT_SECONDS
        headers = {"Cache-Control": f"private, max-age={kept_seconds}", "X-Content-Type-Options": "nosniff"}
        return CachedFile(clip.path, media_type="video/mp4", headers=headers)

    return router


def check_span(start_ms: int, end_ms: int) -> None:
    """Raise the problem of a span that no clip can have."""
    if start_ms < 0:
        raise invalid("start_ms", f"start_ms {start_ms}: a timeline begins at 0")
    if end_ms <= start_ms:
        raise invalid("end_ms", f"end_ms {end_ms}: expected more than start_ms {start_ms}")
    if end_ms - start_ms > LONGEST_CLIP_MS:
        raise invalid("end_ms", f"span of {end_ms - start_ms} ms: a clip has at most {LONGEST_CLIP_MS} ms")


async def _clip_of(store: MediaStore, rises: Rises, source: Source, start_ms: int, end_ms: int) -> Clip:
    look = partial(footage_of, store.folder, rises, source, start_ms, end_ms)
    footage = await asyncio.to_thread(look)
    if source.kind == "camera":
        return await _of_camera(store, source, start_ms, end_ms, look, footage)
    with refusing():
        return await _made(store, source, footage, start_ms, end_ms)


async def _of_camera(
    store: MediaStore, source: Source, start_ms: int, end_ms: int, look: Callable[[], Footage], footage: Footage | None
) -> Clip:
    """Return the clip; of the newest seconds when all of them are recorded, or after a moment what there is."""
    patience, clip = Patience(end_ms), None
    while footage is not None:
        with refusing(), suppress(NothingThereError):
            clip = await _made(store, source, footage, start_ms, end_ms)
        if clip is not None and (clip.is_whole or patience.is_in_vain):
            return clip
        footage = await patience.growth(look, footage)
    if clip is None:
        raise await asyncio.to_thread(nothing_recorded, store.folder, source, start_ms, end_ms)
    return clip


async def _made(store: MediaStore, source: Source, footage: Footage, start_ms: int, end_ms: int) -> Clip:
    span = f"{start_ms}-{end_ms}.mp4"
    for version, is_whole in ((footage.content, True), (footage.state, False)):
        found = store.clips.find(life_of(source), f"{version}-{span}")
        if found is not None:
            return Clip(found, is_whole)
    if not footage.stretches:
        raise NothingThereError
    work = partial(_make, store, life_of(source), footage, start_ms, end_ms)
    return await store.clip_shop.do(f"{source.source_id}/{footage.state}-{span}", work)


def _make(store: MediaStore, life: str, footage: Footage, start_ms: int, end_ms: int) -> Clip:
    """Cut a clip. It is kept under the state of the recording until all of it is recorded, then under the content alone."""
    deadline = Deadline(store.work_limit_seconds)
    growing, whole = (f"{version}-{start_ms}-{end_ms}.mp4" for version in (footage.state, footage.content))
    ends: list[bool] = []
    path = store.clips.keep(
        life,
        growing,
        lambda draft: ends.append(cut_clip(footage.stretches, start_ms, end_ms, draft, store.access, deadline.check)),
    )
    if growing != whole and ends == [True]:
        path = path.replace(path.with_name(whole))
    return Clip(path, growing == whole or ends == [True])
