"""Whether the status of cameras says that nothing is recorded while the disk of the media is full."""

from collections.abc import Collection
from typing import Final

from schemas.messages import SourceStatus, decode
from schemas.topics import SOURCE_STATUS
from tests.chaos.records import records_of

FULL_TIMES: Final = 2
"""One may lie wholly within a time in which Kafka takes no status, or no decoder is there."""


def told_full(bootstrap: str, source_ids: Collection[str]) -> int:
    """Count the statuses that say of one of these cameras that it is not recorded."""
    statuses = (decode(value, SourceStatus) for record in records_of(bootstrap, SOURCE_STATUS.name) if (value := record.value()))
    return sum((status.error or "").startswith("not recorded") for status in statuses if status.source_id in source_ids)


def untold_full(times: int, told: int) -> list[str]:
    """Complain where the disk was full more than once and nobody was told. Pure."""
    return [f"the disk of the media was full {times} times, and no status says so"] if times >= FULL_TIMES and not told else []
