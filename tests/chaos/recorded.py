"""What cameras recorded, beside what became of it: the stricter promise, kept by catching up."""

from collections.abc import Collection
from pathlib import Path

from schemas.identity import WHOLE_FRAME, row_key
from schemas.recordings import RECORDINGS, parse_journal


def recorded_keys(media: Path, source_ids: Collection[str], life: int = 1) -> set[str]:
    """Return the keys of all samples in the journals of cameras."""
    keys: set[str] = set()
    for source_id in source_ids:
        for journal in (media / RECORDINGS / source_id / str(life)).rglob("*.samples"):
            lines = parse_journal(journal.read_text())
            keys |= {row_key(source_id, life, WHOLE_FRAME, line.t_ms) for line in lines}
    return keys


def not_indexed(media: Path, source_ids: Collection[str], found: Collection[str]) -> list[str]:
    """Return the recorded samples without a row.

    Those that Kafka never acknowledged are caught up after an outage of the bus. Until a run waits for that, they are told and
    not judged; a run that does makes each of them a difference.
    """
    return sorted(recorded_keys(media, source_ids) - set(found))
