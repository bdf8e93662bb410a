"""`python -m tests.chaos.retention`: imports of ten times what topics keep, and readers that are away for longer than that.

1. An import of ten times what the bulk topics keep, while its readers are frozen now and then: nothing may be lost.
2. Topics that keep less than may lie unread, which is wrong and said: what is lost must be asked for again, all of it.
3. An embedder that is away for longer than the live topic keeps: what it lost must come from the recording.
"""

import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from confluent_kafka import TopicPartition

from encoders.address import load
from encoders.encoder import Encoder
from framebus.demo.camera import CameraServer
from framebus.local.space import space_of
from schemas.groups import embedder_group
from schemas.messages import Recut
from schemas.topics import EMBEDDINGS_BULK, EMBEDDINGS_LIVE, FRAMES_BULK, FRAMES_LIVE
from tests.chaos.acknowledged import Log, log_of, open_runs, rows, vectors_of
from tests.chaos.films import FILM_FPS, Film, Form, camera, films
from tests.chaos.fleet import Fleet, ground
from tests.chaos.observer import repeated
from tests.chaos.partitions import sources_of
from tests.chaos.recorded import recorded
from tests.chaos.scene import Scene
from tests.chaos.tap import Tap
from tests.comparison import Differences, compare, file_rows
from tests.tiny_model import make_tiny_model

BROKER: Final = {
    "log.retention.check.interval.ms": 100,
    "log.initial.task.delay.ms": 100,
    "log.segment.delete.delay.ms": 1000,
}
WORKERS: Final = {"decoder": 2, "embedder": 1, "indexer-live": 1, "indexer-bulk": 1, "query": 1}
SETTINGS: Final = {"FRAMEBUS_DECODER_UNREAD_FRAMES": "100", "FRAMEBUS_EMBEDDER_UNREAD_BOUND": "50"}
PARTITION: Final = 5
"""Of a whole import: what a topic keeps is what it keeps of each partition."""
FRAMES, VECTORS = TopicPartition(FRAMES_BULK.name, PARTITION), TopicPartition(EMBEDDINGS_BULK.name, PARTITION)

SCENES: Final = 2
FILES, WRONG_FILES = 120, 4
FRAMES_KEPT_BYTES: Final = 700_000
"""Those that may be unread, and two chunks that have begun."""
VECTORS_KEPT_BYTES: Final = 220_000
"""Those that may be unread, and what an embedder has in hand when it stops reading."""
WRONG_BYTES: Final = 60_000
ENOUGH_BYTES: Final = 1_000_000_000
SEGMENT_MS, WRONG_SEGMENT_MS = 200, 10
FROZEN_SECONDS: Final = 4.0
LIVE_KEPT_MS, LIVE_SEGMENT_MS, LIVE_AWAY_SECONDS = 4_000, 2_000, 12.0
LIVE_KEPT_AGAIN_MS: Final = 600_000
"""Else what is left may go while a reader begins, again and again."""
CAMERA: Final = "lane"
CAMERA_FPS: Final = 4.0
WITHIN_SECONDS: Final = 180.0
MOST_LINES: Final = 40
LEAST_TIMES: Final = 10


@dataclass
class Part:
    """What one part has shown."""

    name: str
    differences: Differences = field(default_factory=Differences)
    complaints: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether all rows are there, as they must be, and nothing else went wrong."""
        return not self.complaints and not self.differences.lines()

    def lines(self) -> list[str]:
        """Say it."""
        counts = {name: len(getattr(self.differences, name)) for name in ("missing", "wrong", "twice", "extra")}
        told = ", ".join(f"{count} {name}" for name, count in counts.items())
        return [
            f"{self.name}: {self.differences.expected} rows, {told}",
            *(f"  {line}" for line in (*self.said, *self.complaints)),
        ]


def main() -> int:
    """Run all parts; returns 1 when one lost something, and keeps the logs then."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="framebus-retention-"))
    is_clean = False
    try:
        parts = torment(folder)
        is_clean = all(part.is_clean for part in parts)
        differences = [line for part in parts for line in part.differences.lines()][:MOST_LINES]
        verdict = "nothing lost" if is_clean else f"NOT whole; logs: {folder / 'logs'}"
        print("\n".join([*differences, *(line for part in parts for line in part.lines()), verdict]))
    except BaseException:
        print(f"broken off; logs: {folder / 'logs'}", file=sys.stderr)
        raise
    finally:
        if is_clean:
            shutil.rmtree(folder, ignore_errors=True)
    return 0 if is_clean else 1


def torment(folder: Path) -> list[Part]:
    """Start everything in `folder`, run all parts."""
    model = make_tiny_model(folder / "model")
    encoder = load(str(model), threads=1)
    (film,) = films(folder / "films", encoder, (SCENES,))
    with ground(folder, broker_settings=BROKER) as servers, Fleet(servers, model, WORKERS, settings=SETTINGS) as fleet:
        scene = Scene(servers, fleet, space_of(str(model)))
        return [import_much(scene, film), import_wrongly(scene, film), be_away(scene, encoder)]


def import_much(scene: Scene, film: Film) -> Part:
    """Import much more than is kept, with readers that stand still for a while."""
    part = Part("import of ten times what the bulk topics keep")
    scene.keep(FRAMES.topic, retention_bytes=FRAMES_KEPT_BYTES, segment_ms=SEGMENT_MS)
    scene.keep(VECTORS.topic, retention_bytes=VECTORS_KEPT_BYTES, segment_ms=SEGMENT_MS)
    names = _add(scene, film, FILES, "import")
    for service in ("embedder", "indexer-bulk"):
        with scene.frozen(service):
            scene.stand(FROZEN_SECONDS)
    _await_indexed(scene, film, names, part)
    for place, kept_bytes in ((FRAMES, FRAMES_KEPT_BYTES), (VECTORS, VECTORS_KEPT_BYTES)):
        start, end = scene.bounds(place)
        times = end / max(1, end - start)
        part.said.append(f"{place.topic}: {end} records, {times:.1f} times those that are left of them in {kept_bytes} bytes")
        if times < LEAST_TIMES:
            part.complaints.append(f"{place.topic} has kept {end - start} of {end} records: it was to keep far less")
    part.complaints += [f"lost, and asked for again: {lost}" for lost in scene.recuts()]
    return part


def import_wrongly(scene: Scene, film: Film) -> Part:
    """Import while the topic keeps less than may lie unread, then set it right."""
    part = Part("topic that keeps less than may lie unread")
    told = len(scene.recuts())
    scene.keep(FRAMES.topic, retention_bytes=WRONG_BYTES, segment_ms=WRONG_SEGMENT_MS)
    scene.start_again("decoder")
    with scene.frozen("embedder"):
        names = _add(scene, film, WRONG_FILES, "wrong")
        if not scene.until(lambda: scene.has_expired_unread(FRAMES, embedder_group("bulk", scene.space)), WITHIN_SECONDS):
            part.complaints.append("nothing has expired: the topic kept all")
        scene.stand(1.0)
        scene.keep(FRAMES.topic, retention_bytes=ENOUGH_BYTES)
    _await_indexed(scene, film, names, part)
    lost = scene.recuts()[told:]
    part.said.append(f"{_records(lost)} records lost, asked for again in {len(lost)} messages")
    for service, text in (("decoder", "retention.bytes"), ("embedder", "left the log before they were read")):
        if said := scene.said(service, text):
            part.said.append(f"{service} says: {said[-1]}")
        else:
            part.complaints.append(f"no {service} has said {text!r}")
    return part


def be_away(scene: Scene, encoder: Encoder) -> Part:
    """Watch a camera while the embedder is away for longer than frames are kept."""
    part = Part("embedder that is away for longer than live frames are kept")
    told = len(scene.recuts())
    scene.keep(FRAMES_LIVE.name, retention_ms=LIVE_KEPT_MS, segment_ms=LIVE_SEGMENT_MS)
    with ExitStack() as running:
        server = running.enter_context(CameraServer({CAMERA: camera(1, Form())}))
        tap = running.enter_context(closing(Tap(scene.ground.kafka)))
        running.enter_context(repeated(0.05, tap.turn))
        scene.fleet.client.add(server.url(CAMERA), CAMERA, sample_fps=CAMERA_FPS)
        scene.until(lambda: len(scene.final(CAMERA)) > 4 * CAMERA_FPS, WITHIN_SECONDS)
        with scene.frozen("embedder"):
            scene.stand(LIVE_AWAY_SECONDS)
            scene.keep(FRAMES_LIVE.name, retention_ms=LIVE_KEPT_AGAIN_MS)
        if not scene.until(lambda: len(scene.recuts()) > told, WITHIN_SECONDS):
            part.complaints.append("nobody has said that frames left the log before they were read")
        until_ms = time.time_ns() // 1_000_000
        if not scene.until(lambda: not _missing(scene, until_ms), WITHIN_SECONDS):
            part.complaints += [f"{t_ms} was recorded and has no row" for t_ms in sorted(_missing(scene, until_ms))]
        scene.fleet.client.pause(CAMERA)
        if not scene.until(lambda: not (open_runs(_tapped(tap, encoder)) or scene.unread()), WITHIN_SECONDS):
            part.complaints.append("the last run was not ended, or not read")
        lost = scene.recuts()[told:]
        # Beside a hole a row has the value of what was read: it was final before the rest came from the recording (decision 15).
        read = vectors_of(scene.ground.kafka, [EMBEDDINGS_LIVE.name, EMBEDDINGS_BULK.name], [CAMERA], encoder)
        part.differences = compare(scene.final(CAMERA), rows(_tapped(tap, encoder) | read))
    part.said.append(f"{_records(lost)} frames left the log before the embedder had read them")
    return part


def _add(scene: Scene, film: Film, count: int, prefix: str) -> list[str]:
    names = list(islice(sources_of(PARTITION, prefix), count))
    for name in names:
        scene.fleet.client.add(film.path, name, sample_fps=FILM_FPS)
    return names


def _await_indexed(scene: Scene, film: Film, names: Sequence[str], part: Part) -> None:
    if not scene.until(lambda: not scene.not_indexed(names), WITHIN_SECONDS):
        part.complaints += scene.not_indexed(names)
    for name in names:
        part.differences.add(compare(scene.final(name), file_rows(name, film.rows)))


def _missing(scene: Scene, until_ms: int) -> set[int]:
    """Return the times up to one that were recorded and have no row."""
    there = {row.t_ms for row in scene.final(CAMERA)}
    return {t_ms for t_ms in recorded(scene.ground.home.media, {CAMERA: 1})[CAMERA] if t_ms <= until_ms} - there


def _tapped(tap: Tap, encoder: Encoder) -> Log:
    return log_of(list(tap.messages), [CAMERA], encoder)


def _records(lost: Sequence[Recut]) -> int:
    return sum(one.last_offset - one.first_offset + 1 for one in lost)


if __name__ == "__main__":
    sys.exit(main())
