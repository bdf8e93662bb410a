"""What the decoder says of a source: its status, and that its file is another one now."""

import time
from collections.abc import Sequence
from typing import Final, Literal

from schemas.messages import Plan, SourceRequest, SourceStatus
from schemas.topics import SOURCE_REQUESTS, SOURCE_STATUS
from streaming.outbox import Outbox

FileState = Literal["waiting", "running", "paused", "failed"]
MOST_NOTICES: Final = 8


def now_ms() -> int:
    """Return the wall clock in milliseconds."""
    return time.time_ns() // 1_000_000


def say(
    outbox: Outbox,
    source_id: str,
    life: int,
    state: FileState,
    error: str | None,
    plan: Plan | None,
    known: SourceStatus | None,
    notices: Sequence[str] = (),
) -> SourceStatus:
    """Send a source's status, later than the one that is known, whoever sent that; return it, or the known one that says it.

    `notices` are added to those that are known of this life.
    """
    said = () if known is None else known.notices
    said = (*said, *(notice for notice in notices if notice not in said))[:MOST_NOTICES]
    if known is not None and (known.state, known.error, known.plan, known.notices) == (state, error, plan, said):
        return known
    since_ms = now_ms() if known is None else max(now_ms(), known.since_ms + 1)
    status = SourceStatus(source_id=source_id, life=life, state=state, since_ms=since_ms, error=error, notices=said, plan=plan)
    outbox.send_message(SOURCE_STATUS.name, status, key=source_id)
    return status


def ask_for_new_life(outbox: Outbox, source_id: str, life: int, fingerprint: str) -> None:
    """Ask query to raise the life of a source whose file has changed."""
    request = SourceRequest(reason="changed_file", source_id=source_id, life=life, fingerprint=fingerprint, at_ms=now_ms())
    outbox.send_message(SOURCE_REQUESTS.name, request, key=source_id)
