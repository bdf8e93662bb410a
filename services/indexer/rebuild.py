"""Fills a new collection from the log and from media, and gives it the alias: `python -m services.indexer.rebuild`.

It reads both lanes from their beginnings, by groups of its own, through the core and the loop of every indexer; so indexers that
have come further go on where it has committed. Then it asks decoders for what lies beyond the log (docs/decisions/0018), which
comes back on the bulk lane, for it alone. Meanwhile the indexers write to the old collection, which is searched. At the end the
alias moves; the indexers see that, stop, and take over (`streaming.handover`) when they are started again.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from threadpoolctl import threadpool_limits

from schemas.collection import rebuilt_name
from schemas.groups import Lane, indexer_group, rebuild_group
from schemas.limits import LARGEST_T_MS, UNREAD_EMBEDDINGS_BULK
from schemas.messages import SourceStatus
from schemas.topics import EMBEDDINGS_BULK, LANES, SOURCE_STATUS
from services.indexer.asking import Asking, Lacking
from services.indexer.beyond import Beginnings, Part
from services.indexer.comparing import Counting, Searched, in_force, lacks
from services.indexer.filling import FillingIntake, FillingOutbox, FillingStage, Missing
from services.indexer.frame_ends import frame_ends
from services.indexer.metrics import METRICS
from services.indexer.registry import Registry
from services.indexer.settings import IndexerSettings
from services.indexer.start import collection_settings, model_of, prepare, until
from services.indexer.store import Store
from services.indexer.writer import Writer
from streaming.errors import Unavailable
from streaming.handover import ends_of
from streaming.lag import Lag, Reading
from streaming.logs import get_logger
from streaming.loop import Loop, Reader
from streaming.main import run_service
from streaming.metrics import Metrics
from streaming.records import Partition
from streaming.settings import SettingError, read
from streaming.state import StateTopic

KAFKA_SECONDS: Final = 30.0
STOP_SECONDS: Final = 150.0
"""Milvus may take a minute to flush a large collection, and another to drop it: whoever asks to stop wants it gone."""
LOOK_SECONDS: Final = 0.5
COUNT_SECONDS: Final = 0.5
TOLD_SECONDS: Final = 10.0
QUIET_SECONDS: Final = 60.0
"""When nothing has come for so long of what was asked for, it is said what that may be due to."""
NEAR_RECORDS: Final = 1_000
"""So near to the end of the log the alias moves: the indexers read the rest within seconds. And so few rows may be lacking."""
FINAL: Final = "provisional == false"
LANE_NAMES: Final[tuple[Lane, ...]] = ("live", "bulk")
EVEN_IF_FEWER, DROP_OTHERS = "--even-if-fewer", "--drop-others"
log = get_logger("rebuild")


@dataclass(frozen=True)
class Filled:
    """What has come of filling: whether it came to the log's end, what is lacking, and what was searched before it did."""

    arrived: bool
    lacking: tuple[Lacking, ...]
    searched: tuple[Searched, ...]


@dataclass
class Progress:
    """Has `arrived` when the log was read, what it does not hold was asked for and has come, what is searched was counted, and
    the log was read to where it ended then.

    `ends_now` asks for the ends of the log, `unread_now` how many bulk vectors the indexers of this space have not read.
    """

    ends_now: Callable[[], Mapping[Partition, int]]
    unread_now: Callable[[], int]
    store: Store
    stage: FillingStage
    outbox: FillingOutbox
    missing: Missing
    asking: Asking
    arrived: bool = False

    def __post_init__(self) -> None:
        self.searched: Sequence[Searched] = ()
        self._counting: Counting | None = None
        self._ends: Mapping[Partition, int] = {}
        self._read_at: int | None = None
        self._asks = False
        self._look_at = self._tell_at = 0.0

    def look(self) -> None:
        """Look now and then."""
        now = time.monotonic()
        if now < self._look_at or self.arrived:
            return
        self._look_at = now + LOOK_SECONDS
        try:
            self._go_on(now)
            self._tell(now)
        except Unavailable as error:
            log.warning("waiting", reason=str(error))

    def _go_on(self, now: float) -> None:
        if not self._asks and self._is_read():
            self._begin_asking(now)
        if self._asks:
            self._ask(now)
        if self._asks and not self.asking.left and self._is_counted() and self._is_read():
            self._ends = self.ends_now()
            self.arrived = sum(self._behind(self._ends).values()) <= NEAR_RECORDS

    def _tell(self, now: float) -> None:
        if now < self._tell_at:
            return
        self._tell_at = now + TOLD_SECONDS
        unread = sum(self._behind(self._ends).values())
        is_quiet = self.asking.quiet_seconds(now) >= QUIET_SECONDS
        why = {"why_nothing_comes": why_quiet(self.unread_now())} if is_quiet else {}
        log.info("filling", unread=unread, decoded_again=self.asking.done, to_decode_again=self.asking.left, **why)

    def _is_read(self) -> bool:
        """Whether what lay in the log when it was looked at was read, and confirmed since then.

        The last place of a partition may hold a producer's commit, which is no record.
        """
        self._ends = self._ends or self.ends_now()
        if self._read_at is None and all(records <= 1 for records in self._behind(self._ends).values()):
            self._read_at = self.stage.settled
        return self._read_at is not None and self.stage.settled > self._read_at

    def _is_counted(self) -> bool:
        """Whether all that is searched was counted. It lies before the end that the log has then, to which it is read on."""
        if self._counting is None:
            sources, now_ms = self.missing.registry.sources(), _now_ms()
            self._counting = Counting(self.store, self.store.named(), sources, self.missing.default_days, now_ms)
            self.searched = self._counting.searched
        if not self._counting.is_complete:
            self._counting.go_on(COUNT_SECONDS)
            self._ends, self._read_at = {}, None
        return self._counting.is_complete

    def _begin_asking(self, now: float) -> None:
        now_ms = _now_ms()
        self.missing.statuses.read_on(KAFKA_SECONDS)
        self.asking.add(self.missing.of_files(), now)
        for part in self.missing.of_cameras(now_ms):
            self.asking.add([part], now + self.missing.ripe_in_ms(part, now_ms) / 1000)
        self._asks = True
        if self.asking.left:
            log.info("beyond the log: decoding again", parts=self.asking.left)

    def _ask(self, now: float) -> None:
        run = _now_ms()
        for part in self.asking.due(now, run, self.missing.is_over):
            self.outbox.ask(part, run)

    def _behind(self, ends: Mapping[Partition, int]) -> dict[Partition, int]:
        processed = self.stage.processed()
        return {place: max(0, end - processed.get(place, 0)) for place, end in ends.items()}


def why_quiet(unread: int) -> str:
    """Say what it may be due to that nothing comes of what was asked for, by how many bulk vectors the indexers have not read."""
    behind = f"{unread} vectors of {EMBEDDINGS_BULK.name} are unread by bulk indexers"
    if unread < UNREAD_EMBEDDINGS_BULK:
        return f"decoders or embedders are away, or busy with what they were asked for before; {behind}"
    return f"{behind}, and embedders wait for these: run them beside this, set as what is searched was made (docs/operations.md)"


def main(stopping: threading.Event, words: Sequence[str] = ()) -> None:
    """Fill a new collection and give it the alias. One that was asked to stop before, or has fewer rows, is dropped.

    Milvus that is away is waited for, as long as nobody asks to stop.
    """
    if unknown := set(words) - {EVEN_IF_FEWER, DROP_OTHERS}:
        raise SettingError(f"{' '.join(sorted(unknown))}: expected nothing, {EVEN_IF_FEWER}, or {DROP_OTHERS}")
    settings = read(IndexerSettings, {"FRAMEBUS_INDEXER_LANE": "bulk", **os.environ})
    model = model_of(settings)
    made_with = collection_settings(settings, model.space)
    if DROP_OTHERS in words:
        return drop_others(Store(settings.milvus, made_with, model.card.dimension))
    name = rebuilt_name(model.space, _now_ms())
    store = Store(settings.milvus, made_with, model.card.dimension, collection=name)
    if not until(lambda: prepare(store), stopping):
        return None
    kept = ""
    try:
        filled = _fill(settings, model.space, model.card.dimension, store, stopping)
        if filled.arrived:
            until(store.seal, stopping)
            until(lambda: check_rows(store, filled, even_if_fewer=EVEN_IF_FEWER in words), stopping)
            if not stopping.is_set():
                kept = name  # it may have the alias from now on, also where nobody answers that it has
                until(store.take_name, stopping)
                until(lambda: _tell(store), stopping)
    finally:
        if name != kept:
            store.drop(name)
        store.close()
    return None


def _tell(store: Store) -> None:
    log.info("filled and searched from now on", collection=store.collection, rows=store.count(FINAL), others=store.others())


def _fill(settings: IndexerSettings, space: str, dimension: int, store: Store, stopping: threading.Event) -> Filled:
    """Read both lanes to their ends, and have decoded again what they do not hold."""
    threadpool_limits(1, user_api="blas")
    metrics, asking, beginnings = Metrics(METRICS), Asking(), Beginnings(settings.smoothing)
    outbox = FillingOutbox(settings.kafka, metrics, asking)
    registry = Registry(settings.kafka, space, "bulk", outbox, metrics, auto_register=settings.auto_register)
    until(lambda: registry.read_to_end(KAFKA_SECONDS), stopping)
    statuses = StateTopic(settings.kafka, SOURCE_STATUS, SourceStatus)
    until(lambda: statuses.read_to_end(KAFKA_SECONDS), stopping)
    writer = Writer(store, metrics, seal_rows=settings.seal_rows)
    intake = FillingIntake(
        space, dimension, registry, frame_ends(settings.kafka), outbox, metrics,
        asking=asking, beginnings=beginnings, whole=outbox.whole,
    )  # fmt: skip
    topics = [LANES[lane][1].name for lane in LANE_NAMES]
    stage = FillingStage(topics, space, settings.smoothing, intake, registry, writer, outbox, metrics, beginnings=beginnings)
    missing = Missing(registry, statuses, beginnings, outbox.whole, settings.camera_days)
    reading = Reading(EMBEDDINGS_BULK.name, indexer_group("bulk", space))
    progress = Progress(
        partial(ends_of, settings.kafka, topics), lambda: Lag(settings.kafka).unread([reading])[reading],
        store, stage, outbox, missing, asking,
    )  # fmt: skip
    readers = [Reader(rebuild_group(lane, store.collection), (LANES[lane][1].name,)) for lane in LANE_NAMES]
    loop = Loop(settings.kafka, readers, stage, outbox, metrics, each_turn=(stage.follow, progress.look))
    loop.run(lambda: progress.arrived or stopping.is_set())
    writer.close()
    sources = registry.sources()
    registry.close()
    statuses.close()
    return Filled(progress.arrived, tuple(asking.lacking), in_force(progress.searched, sources))


def check_rows(store: Store, filled: Filled, *, even_if_fewer: bool) -> None:
    """Say what could not be filled again; raise `SettingError` where it is too much to be given up unasked."""
    for one in filled.lacking:
        log.warning("not filled", source_id=one.part.source_id, span=_span(one.part), why=one.why)
    named, fewer = store.named(), 0
    if named is not None:
        for lack in lacks(store, named, filled.searched):
            log.warning("fewer rows than are searched", source_id=lack.source_id, rows=lack.rows, span=lack.span)
            fewer += lack.rows
    if even_if_fewer:
        return
    if filled.lacking or fewer > NEAR_RECORDS:
        raise SettingError(
            f"{len(filled.lacking)} parts could not be decoded again, and {fewer} rows that are searched are not there, "
            f"as said above: nothing was changed; {EVEN_IF_FEWER} does without them"
        )


def _span(part: Part) -> str:
    end_ms = "its end" if part.end_ms == LARGEST_T_MS else f"{part.end_ms} ms"
    return f"{part.start_ms} ms to {end_ms}"


def _now_ms() -> int:
    return int(time.time() * 1000)


def drop_others(store: Store) -> None:
    """Drop the collections of the space that are not searched."""
    named = store.named()
    if named is None:
        raise SettingError("no collection of this space is searched: nothing was dropped")
    store.collection = named
    for other in store.others():
        store.drop(other)
        log.info("dropped", collection=other)


if __name__ == "__main__":
    run_service("rebuild", lambda stopping: main(stopping, sys.argv[1:]), stop_seconds=STOP_SECONDS)
