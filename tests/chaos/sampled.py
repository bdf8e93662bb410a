"""What was sampled of cameras: as Kafka has it, and as their journals have what Kafka never took."""

from collections.abc import Collection
from pathlib import Path
from typing import Any, cast

from schemas.headers import decode_frame_headers
from schemas.topics import FRAMES_LIVE
from tests.chaos.recorded import journal
from tests.chaos.records import records_of
from tests.chaos.returns import Sample


def sampled(bootstrap: str, media: Path, source_ids: Collection[str]) -> dict[str, list[Sample]]:
    """Return the live samples of cameras, those of each in no order."""
    found: dict[str, list[Sample]] = {source_id: [] for source_id in source_ids}
    for message in records_of(bootstrap, FRAMES_LIVE.name):
        headers = decode_frame_headers(cast("Any", message.headers()))
        if headers.source_id in found and headers.t_ms is not None:
            found[headers.source_id].append(Sample(message.timestamp()[1], headers.t_ms, headers.run or 0))
    for source_id, samples in found.items():
        sent = {(sample.t_ms, sample.run) for sample in samples}
        noted = [line for line in journal(media, source_id) if (line.t_ms, line.run) not in sent]
        samples += [Sample(line.t_ms, line.t_ms, line.run) for line in noted]
    return found
