"""A Faust consumer that begins every partition where it must, lets nothing flow before, and commits as the plain loop does.

What Faust fetches while a rebalance is at work it throws away, and then seeks every partition back to its commit. That is not
enough in three cases, and what was thrown away would never come:

- aiokafka's `seek_to_committed` leaves a partition alone whose commit is absent or 0;
- a commit may lie outside the log. aiokafka begins anew at its beginning then, and Faust drops what lies before the commit: all
  that is written to a log that has lost its end;
- a rebalance that begins during that seek finds the flow resumed when the seek is over. Records of its own partitions flow then
  while it is still at work, before and while these are sought, and are thrown away when it has done.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from aiokafka.errors import CommitFailedError, IllegalStateError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as driver
from mode.services import Service

from streaming.commits import Notes, commit_metadata
from streaming.logs import get_logger
from streaming.records import Partition
from streaming.topic_log import edges_of

END_OF_TEXT: Final = "\0"
"""Confluent's client ends metadata so, and reads on behind what does not end so."""
UNKNOWN: Final = (None, None)
log = get_logger("seeking")


class Found(NamedTuple):
    """What was found of a partition when it was sought: the group's commit, None where there is none, and where the log begins
    and ends, None where Kafka did not say.
    """

    committed: int | None
    first: int | None
    end: int | None

    @property
    def outside(self) -> int | None:
        """Where to begin in place of a commit that is not in the log: as near to it as the log allows; None where it is there."""
        if self.committed is None or self.first is None or self.end is None:
            return None
        begin = min(max(self.committed, self.first), self.end)
        return None if begin == self.committed else begin


class _Thread(driver.AIOKafkaConsumerThread):
    consumer: "_Consumer"

    async def stop(self) -> None:
        """Stop, and wait for the thread beside the event loop; mode's own lets all of the process wait for it."""
        if self._started.is_set():
            await Service.stop(self)
            if self._thread is not None:
                await asyncio.to_thread(self._thread.stop)

    async def seek_to_committed(self) -> Mapping[Any, int]:
        """Seek every partition to its commit, and to the log's beginning where there is none."""
        committed = await super().seek_to_committed()
        unsought = [partition for partition, offset in committed.items() if not offset or offset < 0]
        if unsought:
            await self.seek_to_beginning(*unsought)
        return committed

    def verify_event_path(self, now: float, tp: Any) -> None:
        """Ask nothing: Faust's check only logs, and ends the process where a partition's beginning is still being asked for."""

    async def _commit(self, offsets: Mapping[Any, int]) -> bool:
        """Commit, with what was processed and its note as metadata; False where the partitions have gone meanwhile."""
        given = self.assignment()
        places = {
            driver.ensure_aiokafka_TP(tp): OffsetAndMetadata(offset, self.consumer.metadata.get((tp, offset), "") + END_OF_TEXT)
            for tp, offset in offsets.items()
            if tp in given
        }
        try:
            await self._ensure_consumer().commit(places)
        except (CommitFailedError, IllegalStateError):
            return False
        return True


class _Consumer(driver.Consumer):
    """Faust's consumer, of which a lane may have all read again.

    Attributes:
        generation: that of the partitions in hand; None from when they are taken until the next ones are given.
        found: where these begin, of all once they were sought.
        processed: one past the last record processed of each partition, for whoever asks how far this group is behind.
        begun: what the records before it have begun, of each partition.
        notes: those of the offsets that may be committed.
        metadata: what goes with the offsets that were chosen last, which may still be on their way when partitions are taken.
    """

    transport: "SeekingTransport"
    processed: Mapping[Any, int] = {}
    begun: Mapping[Any, Iterable[int]] = {}
    notes: Mapping[Any, Notes] = {}
    found: Mapping[Any, Found] = {}
    seek_seconds = 30.0
    """Faust gives up a seek after 40 s, and then waits for ever: before that a seek that is not answered ends the process."""

    generation: int | None = None
    _sought: int | None = None
    _withholds = False

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.metadata: dict[tuple[Any, int], str] = {}
        self._told: dict[Any, int] = {}
        self._commits: Mapping[Any, int] = {}

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """Begin a rebalance: what is being sought now is sought for nothing."""
        self.generation = None
        self.processed, self.begun, self.notes, self.found, self._told = {}, {}, {}, {}, {}
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: Any, generation_id: int = 0) -> None:
        """Take the partitions of a generation, which are to be sought."""
        self.generation = generation_id
        await super().on_partitions_assigned(assigned, generation_id)

    async def perform_seek(self) -> None:
        """Seek every partition of the present generation; raises `TimeoutError`."""
        generation = self.generation
        async with asyncio.timeout(self.seek_seconds):
            await super().perform_seek()
            # Faust takes a commit at offset 0 for none.
            self._committed_offset.update({ensure_TP(tp): 0 for tp, offset in self._commits.items() if offset == 0})
            found = await self._find() if generation is not None else {}
            if generation != self.generation:
                return
            await self._seek_into_log({tp: one.outside for tp, one in found.items() if one.outside is not None})
        self.found, self._sought = found, generation

    async def _find(self) -> Mapping[Any, Found]:
        """Ask where the partitions begin and end: not aiokafka, whose answer waits behind a fetch for a second and a half."""
        commits = {ensure_TP(tp): offset if offset is not None and offset >= 0 else None for tp, offset in self._commits.items()}
        places = {tp: Partition(tp.topic, tp.partition) for tp in commits}
        edges = await asyncio.to_thread(edges_of, self.transport.bootstrap, places.values())
        if unknown := [place.number for place in places.values() if place not in edges]:
            log.warning("where the log begins and ends is asked when records come", partitions=unknown)
        return {tp: Found(offset, *edges.get(places[tp], UNKNOWN)) for tp, offset in commits.items()}

    async def _seek_into_log(self, begins: Mapping[Any, int]) -> None:
        """Begin where the log can be read, and let Faust take that for the commit, from which it counts."""
        if begins:
            with contextlib.suppress(IllegalStateError):  # taken meanwhile: the rebalance that is at work seeks them
                await self.seek_wait(begins)
            self._committed_offset.update(begins)

    async def seek_to_committed(self) -> Mapping[Any, int]:
        """Seek every partition; return the commits."""
        self._commits = await super().seek_to_committed()
        return self._commits

    def resume_flow(self) -> None:
        """Let records flow if all partitions of the present generation were sought; the rebalance that is at work sees to it."""
        if self.generation is None or self._sought != self.generation:
            self.stop_flow()
        else:
            super().resume_flow()

    def halt(self) -> None:
        """Stop the flow, throw away what is under way, and forget what Faust has made of it: that the log has a gap there."""
        self.stop_flow()
        self.app.flow_control.suspend()
        self.app.flow_control.clear()
        for kept in (self._gap, self._acked, self._acked_index):
            kept.clear()
        self.processed = {}  # nothing is told of it before the lane has begun anew, and has said what left the log meanwhile

    async def seek_again(self) -> None:
        """Seek every partition to its commit while nothing flows; a rebalance that begins meanwhile does so itself."""
        with contextlib.suppress(IllegalStateError):
            await self.perform_seek()

    def go_on(self) -> None:
        """Let records flow after `seek_again`."""
        self.app.flow_control.resume()
        self.resume_flow()

    def withhold(self) -> None:
        """Commit nothing any more."""
        self._withholds = True

    def _filter_committable_offsets(self, tps: Any) -> dict[Any, int]:
        """Commit also where the offset stays and more was processed: a window holds it."""
        if self._withholds:
            return {}
        offsets: dict[Any, int] = super()._filter_committable_offsets(tps)
        for tp, processed in self.processed.items():
            committed = offsets.get(tp, self._committed_offset[tp])
            if committed is not None and self._told.get(tp) != processed:
                offsets[tp], self._told[tp] = committed, processed
        self.metadata = {(tp, offset): self._metadata_of(tp, offset) for tp, offset in offsets.items()}
        return offsets

    def _metadata_of(self, tp: Any, offset: int) -> str:
        notes = self.notes.get(tp)
        note = notes.of(offset) if notes else ""
        return commit_metadata(max(offset, self.processed.get(tp, 0)), note, self.begun.get(tp, ()))


class SeekingTransport(driver.Transport):
    """Faust's transport over aiokafka, with this consumer."""

    Consumer = _Consumer

    def __init__(self, app: Any, bootstrap: str) -> None:
        super().__init__(app.conf.broker_consumer, app)
        self.bootstrap = bootstrap
