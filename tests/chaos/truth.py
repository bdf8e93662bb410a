"""What the index of a run holds, beside what it must hold."""

import time
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from typing import Final

from pymilvus import MilvusClient

from encoders.encoder import Encoder
from schemas.topics import FRAMES_BULK, FRAMES_LIVE
from tests.chaos.acknowledged import ahead, frames_of, open_runs, rows
from tests.chaos.fleet import Ground
from tests.chaos.recorded import complaints, lost
from tests.chaos.told import told_of, untold, unwritten
from tests.chaos.work import Work
from tests.comparison import Differences, Found, compare, file_rows, never_final, orphans, rows_of, stored_twice

ANSWER_SECONDS: Final = 30.0
FILES, CAMERAS = "files", "cameras"


@dataclass(frozen=True)
class Truth:
    """Files are held against their films; cameras against what Kafka holds of them, and against what they recorded; both against
    what index events tell of them."""

    ground: Ground
    work: Work
    encoder: Encoder

    def differences(self) -> dict[str, Differences]:
        """Compare every row. Nothing may be written any more."""
        return {FILES: self._of_files(), CAMERAS: self._of_cameras()}

    def is_caught_up(self, until_ms: int) -> bool:
        """Return whether all that cameras recorded until then has final rows, or is called lost."""
        return not self._not_indexed(self._camera_rows(), until_ms)[0]

    def open_runs(self) -> list[str]:
        """Return a line for every camera whose last run was not ended."""
        return open_runs(frames_of(self.ground.kafka, [FRAMES_LIVE.name], self.work.cameras, self.encoder))

    def notes(self) -> list[str]:
        """Return sentences on what is no difference: what the status of cameras calls lost, and what is still to be swept."""
        found = self._camera_rows()
        _, said = self._not_indexed(found, _now_ms())
        notes = [f"{len(said)} recorded samples have no row, and their cameras say so: {', '.join(said[:3])}"] if said else []
        left = orphans(found)
        return [*notes, f"{left} provisional rows wait for the sweep beside their final ones"] if left else notes

    def _of_files(self) -> Differences:
        differences, found = Differences(), list[Found]()
        with closing(MilvusClient(self.ground.milvus, timeout=ANSWER_SECONDS)) as milvus:
            for source_id, film in self.work.added.items():
                read = rows_of(milvus, source_id)
                differences.add(compare(read, file_rows(source_id, film.rows)))
                differences.twice += stored_twice(milvus, source_id, read)
                found += read
        self._hold_against_events(found, self.work.added, differences)
        return differences

    def _of_cameras(self) -> Differences:
        with closing(MilvusClient(self.ground.milvus, timeout=ANSWER_SECONDS)) as milvus:
            read = {source_id: rows_of(milvus, source_id) for source_id in self.work.cameras}
            twice = [line for source_id, of_one in read.items() for line in stored_twice(milvus, source_id, of_one)]
        found = list(chain.from_iterable(read.values()))
        log = frames_of(self.ground.kafka, [FRAMES_LIVE.name, FRAMES_BULK.name], self.work.cameras, self.encoder)
        made = rows(log)
        differences = compare(found, made)
        differences.missing += complaints(*self._not_indexed(found, _now_ms()), made)
        differences.wrong += ahead(log)
        differences.twice += twice
        differences.extra += never_final(found, made)
        self._hold_against_events(found, self.work.cameras, differences)
        return differences

    def _hold_against_events(self, found: Sequence[Found], source_ids: Collection[str], differences: Differences) -> None:
        told = told_of(self.ground.kafka, source_ids)
        differences.missing += untold(found, told)
        differences.extra += unwritten(found, told)

    def _camera_rows(self) -> list[Found]:
        with closing(MilvusClient(self.ground.milvus, timeout=ANSWER_SECONDS)) as milvus:
            return [row for source_id in self.work.cameras for row in rows_of(milvus, source_id)]

    def _not_indexed(self, found: list[Found], until_ms: int) -> tuple[list[str], list[str]]:
        keys = {row.key for row in found if not row.provisional}
        return lost(self.ground.home.media, self.ground.kafka, dict.fromkeys(self.work.cameras, 1), keys, until_ms)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
