"""The runner of the live lane: Faust reads, one thread works, and an event is acknowledged only behind the safe offset.

Faust commits what was acknowledged without a gap, so acknowledging in offset order, behind the window and behind Milvus's
confirmation, makes its commit the same safe offset that the plain loop commits. What it is relied on for, and what is checked
again here because it has been otherwise:

- `stream_wait_empty` off: what a window holds is never acknowledged, and a stop would wait for it for ever;
- `noack`, one agent, no `take`, no exception out of its loop: otherwise Faust acknowledges what was not finished;
- every rebalance takes and gives all partitions, so the state of all is dropped;
- events of an older generation are dropped, and those that wait when their partitions are taken: a partition begins at its commit
  or the log's beginning;
- where the log has records between two events all is read again from the commits; if they are missing again the process ends.
"""

import asyncio
import contextlib
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import faust

from schemas.groups import indexer_group
from schemas.topics import EMBEDDINGS_LIVE
from services.indexer.header_names import read_any_header_name
from services.indexer.metrics import READ_AGAIN
from services.indexer.quiet import limit_rate
from services.indexer.seeking import SeekingTransport
from services.indexer.stage import IndexStage
from streaming import metrics as m
from streaming.commits import Notes
from streaming.ending import end_within
from streaming.errors import Stopped, Unavailable
from streaming.logs import get_logger
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.records import Partition, Record, readable
from streaming.stage import Reached, Start
from streaming.start import start_of
from streaming.topic_log import TopicLog

APART_SECONDS: Final = 0.025
"""Least time between the beginnings of two turns: what comes alone is worked on at once, what comes densely shares an upsert."""
IDLE_SECONDS: Final = 0.2
WAITING_EVENTS: Final = 2000
FIRST_BACKOFF_SECONDS, LAST_BACKOFF_SECONDS = 0.1, 5.0
FINISH_SECONDS: Final = 6.0
"""For what is in hand when the process is asked to stop; what is not finished then is committed by nobody, and read again."""
LEAVE_SECONDS: Final = 8.0
"""What Faust may take to leave its group: while Kafka is away or frozen its client waits for answers for 40 s, and asks again."""
CLOSE_SECONDS: Final = 1.0
DAY_SECONDS: Final = 86_400.0

T = TypeVar("T")
log = get_logger("live")


def run(
    bootstrap: str,
    space: str,
    stage: IndexStage,
    outbox: Outbox,
    metrics: Metrics,
    stopping: threading.Event,
    *,
    session_seconds: float,
    heartbeat: Path | None = None,
    lane_type: "type[LiveLane] | None" = None,
) -> None:
    """Index `embeddings-live` until `stopping` is set."""
    limit_rate("aiokafka", "faust", "mode")
    outbox.give_up = stopping.is_set

    group = indexer_group("live", space)
    topic_log = TopicLog(bootstrap, group)

    async def runner() -> None:
        app = make_app(bootstrap, group, session_seconds)
        lane = (lane_type or LiveLane)(app, stage, outbox, metrics, topic_log, heartbeat)
        await _run(app, lane, stopping)

    # Not `asyncio.run`, which waits for whatever is still under way: the process ends with it.
    asyncio.new_event_loop().run_until_complete(runner())
    end_within(CLOSE_SECONDS, topic_log.close)  # a question to Kafka may still be under way


async def _run(app: Any, lane: "LiveLane", stopping: threading.Event) -> None:
    if not await _has_started(app, stopping):
        return
    working = asyncio.ensure_future(_work(lane, stopping))
    try:
        while not stopping.is_set() and not working.done():
            await asyncio.wait({working}, timeout=IDLE_SECONDS)
        await asyncio.wait({working}, timeout=FINISH_SECONDS)
        if working.done():
            await working
        else:
            log.warning("asked to stop: what is in hand is left to the next owner", waited_seconds=FINISH_SECONDS)
            working.cancel()
            lane.withhold()
    except Stopped:
        lane.withhold()
    finally:
        await _leave(app)


async def _work(lane: "LiveLane", stopping: threading.Event) -> None:
    while not stopping.is_set():
        await lane.turn()
    await lane.finish()


async def _has_started(app: Any, stopping: threading.Event) -> bool:
    """Start Faust; False where it could not and the process is asked to stop, as where Kafka has gone meanwhile."""
    starting = asyncio.ensure_future(app.start())
    while not stopping.is_set() and not starting.done():
        await asyncio.wait({starting}, timeout=IDLE_SECONDS)
    await asyncio.wait({starting}, timeout=LEAVE_SECONDS)
    failed = starting.exception() if starting.done() else TimeoutError("no answer")
    if failed and stopping.is_set():
        log.warning("asked to stop before the group was joined", reason=str(failed))
        return False
    await starting
    return True


async def _leave(app: Any) -> None:
    """Commit and leave the group, if Kafka answers in time; otherwise it notices at the end of the session."""
    leaving = asyncio.ensure_future(app.stop())
    done, _ = await asyncio.wait({leaving}, timeout=LEAVE_SECONDS)
    if not done:
        log.warning("Kafka does not answer: the group was not left in order", waited_seconds=LEAVE_SECONDS)
        return
    await leaving


def make_app(bootstrap: str, group: str, session_seconds: float) -> Any:
    """Return a Faust app that creates no topic, keeps no table, serves no page and never waits for unacknowledged events."""
    app = faust.App(
        group,
        broker=[f"kafka://{server.strip()}" for server in bootstrap.split(",")],
        store="memory://",
        datadir=str(
            Path(tempfile.gettempdir()) / "framebus-faust"
        ),  # it makes one wherever it is started, and keeps nothing in it
        key_serializer="raw",
        value_serializer="raw",
        processing_guarantee="at_least_once",
        autodiscover=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=EMBEDDINGS_LIVE.partitions,
        table_standby_replicas=0,
        web_enabled=False,
        stream_wait_empty=False,
        stream_publish_on_commit=False,
        stream_buffer_maxsize=1024,
        broker_commit_interval=0.5,
        broker_commit_every=10_000,
        broker_session_timeout=session_seconds,
        broker_heartbeat_interval=session_seconds / 4,
        broker_request_timeout=40.0,
        broker_max_poll_interval=DAY_SECONDS,  # while Milvus is away nothing is polled, and the lane stays in its group
        consumer_auto_offset_reset="earliest",
        producer_acks=-1,
    )
    read_any_header_name()
    app.transport = SeekingTransport(app, bootstrap)
    return app


@dataclass
class _Reading:
    """A partition in the present generation: where it goes on, and what is not acknowledged yet."""

    partition: Partition
    next_offset: int
    notes: Notes
    unacknowledged: deque[Any] = field(default_factory=deque)


class LiveLane:
    """Between Faust's event loop and the one thread on which the stage works."""

    def __init__(
        self, app: Any, stage: IndexStage, outbox: Outbox, metrics: Metrics, topic_log: TopicLog, heartbeat: Path | None
    ) -> None:
        self._app, self._stage, self._outbox, self._metrics = app, stage, outbox, metrics
        self._topic_log, self._heartbeat = topic_log, heartbeat
        self._thread = ThreadPoolExecutor(1, "stage")
        self._reading: dict[Any, _Reading] = {}
        self._missed: dict[Any, int] = {}
        self._starts: list[Start] = []
        self._records: list[Record] = []
        self._begun: set[Partition] = set()
        self._stream: Any = None
        self._events: asyncio.Queue[Any] = asyncio.Queue(WAITING_EVENTS)
        self._arrived = asyncio.Event()
        self._backoff_seconds = self._began_at = 0.0
        topic = app.topic(EMBEDDINGS_LIVE.name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
        app.agent(topic, concurrency=1)(self._read)
        app.on_partitions_revoked.connect(self._rebalanced)
        app.on_partitions_assigned.connect(self._rebalanced)

    async def turn(self) -> None:
        """Gather for a moment, work, acknowledge. Raises what has failed anywhere."""
        if self._heartbeat is not None:
            self._heartbeat.touch()
        if self._app.crashed:
            raise RuntimeError("Faust has crashed") from self._app.crash_reason
        await self._begin_outside()
        await self._gather()
        await self._work_and_acknowledge()

    async def finish(self) -> None:
        """Finish what is in hand, which Faust commits when it stops; the next reader does where Milvus or Kafka is waited for."""
        if not self._backoff_seconds:
            await self._work_and_acknowledge()

    def withhold(self) -> None:
        """Commit nothing any more, and write nothing that Milvus was not asked to write: the next owner does."""
        self._app.consumer.withhold()
        self._stage.withhold()

    async def _gather(self) -> None:
        """Take what has come, at once after a quiet moment; nothing while a dependency is waited for."""
        if self._backoff_seconds:
            return await self._rest()
        if self._events.empty():
            self._arrived.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), IDLE_SECONDS)
        if not self._events.empty():
            await asyncio.sleep(max(0.0, self._began_at + APART_SECONDS - time.monotonic()))
            self._began_at = time.monotonic()
        for _ in range(self._events.qsize()):
            if not self._events.empty():  # they are thrown away where records are missing
                await self._take(self._events.get_nowait())
        return None

    async def _rest(self) -> None:
        """Let some time pass before a dependency is asked again; none when the process is asked to stop."""
        until = time.monotonic() + self._backoff_seconds
        while (left_seconds := until - time.monotonic()) > 0 and not self._outbox.give_up():  # noqa: ASYNC110  set by a thread
            await asyncio.sleep(min(left_seconds, IDLE_SECONDS))

    async def _work_and_acknowledge(self) -> None:
        generation = self._app.consumer.generation
        starts, self._starts = self._starts, []
        records, self._records = self._records, []
        try:
            reached = await self._on_thread(self._work, starts, records)
        except Unavailable as error:
            self._backoff_seconds = min(max(FIRST_BACKOFF_SECONDS, self._backoff_seconds * 2), LAST_BACKOFF_SECONDS)
            self._metrics.of(m.UNAVAILABLE).inc()
            log.warning("waiting", reason=str(error), retry_in_seconds=self._backoff_seconds)
            return
        self._backoff_seconds = 0.0
        if generation == self._app.consumer.generation:
            await self._acknowledge(reached)

    def _work(self, starts: Sequence[Start], records: Sequence[Record]) -> dict[Partition, Reached]:
        """Do one turn of the plain loop, on the stage's thread."""
        for start in starts:
            self._stage.assigned(start)
            self._begun.add(start.partition)
        self._stage.process(records)
        self._stage.follow()
        while self._stage.step():
            pass
        self._stage.settle()
        self._outbox.flush()
        return {one: self._stage.reached(one) for one in self._begun}

    async def _acknowledge(self, reached: dict[Partition, Reached]) -> None:
        """Acknowledge in offset order what nothing needs any more: one watermark a partition, never an event by itself."""
        unread, held, has_shrunk = 0, 0, False
        worked = {tp: reading for tp, reading in self._reading.items() if reading.partition in reached}
        consumer = self._app.consumer
        consumer.processed = {tp: reached[one.partition].processed_offset for tp, one in worked.items()}
        consumer.begun = {tp: reached[one.partition].begun for tp, one in worked.items()}
        consumer.notes = {tp: one.notes for tp, one in worked.items()}
        for tp, reading in worked.items():
            await self._acknowledge_below(reading, reached[reading.partition])
            held += len(reading.unacknowledged)
            highwater = consumer.highwater(tp)
            ahead = 0 if highwater is None else highwater - reading.next_offset
            unread += max(0, ahead)
            has_shrunk = has_shrunk or ahead < 0
        self._metrics.of(m.UNREAD).labels(EMBEDDINGS_LIVE.name).set(unread)
        self._metrics.of(m.HELD).labels(EMBEDDINGS_LIVE.name).set(held)
        if has_shrunk:  # Faust drops what comes at places that it has read
            log.warning("the log ends before what was read of it: reading again")
            self._metrics.of(READ_AGAIN).inc()
            await self._begin_again()

    async def _acknowledge_below(self, reading: _Reading, reached: Reached) -> None:
        """Acknowledge events; since Faust commits when it likes, the note belongs to the offset behind the last of them."""
        waiting = reading.unacknowledged
        done = list(takewhile(lambda event: event.message.offset < reached.safe_offset, waiting))
        if done:
            reading.notes.add(done[-1].message.offset + 1, reached.note)
        for event in done:
            waiting.popleft()
            await self._stream.ack(event)

    async def _read(self, stream: Any) -> None:
        """Be the agent: it only passes on, so that nothing can fail where Faust would acknowledge and go on."""
        self._stream = stream.noack()
        async for event in self._stream.events():
            await self._events.put(event)
            self._arrived.set()

    async def _take(self, event: Any) -> None:
        message = event.message
        if not self._is_current(message):
            return
        reading = self._reading.get(message.tp) or await self._begin(message.tp)
        if reading is None or message.offset < reading.next_offset:
            return
        if message.offset > reading.next_offset and not await self._may_skip(reading, message):
            return
        if self._missed.get(message.tp) == message.offset:
            del self._missed[message.tp]
        reading.next_offset = message.offset + 1
        reading.unacknowledged.append(event)
        self._records.append(_record(reading.partition, message))
        _empty(event)

    def _is_current(self, message: Any) -> bool:
        """Whether a message is of the partitions in hand; what is older, or waited when they were taken, is delivered again."""
        return bool(message.generation_id == self._app.consumer.generation)

    async def _begin_outside(self) -> None:
        """Begin where the commit is not in the log, and say so: of a camera that has stopped no record comes to show it."""
        all_found = self._app.consumer.found
        for tp, found in all_found.items():
            if self._app.consumer.found is not all_found:
                return  # they were taken meanwhile
            if found.outside is not None and tp not in self._reading:
                await self._begin(tp)

    async def _begin(self, tp: Any) -> _Reading | None:
        """Begin a partition at its commit, or at the log's beginning when there is none, or where the log allows."""
        partition, consumer = Partition(tp.topic, tp.partition), self._app.consumer
        generation, (committed, first, end) = consumer.generation, consumer.found[tp]
        if first is None or end is None:
            first, end = await self._told(self._topic_log.edges, partition)
        metadata = None if committed is None else await self._told(self._topic_log.metadata, partition, committed)
        start = await self._on_thread(start_of, partition, committed, metadata, first, end, self._outbox, self._metrics)
        if consumer.generation != generation:
            return None
        reading = self._reading[tp] = _Reading(partition, start.offset, Notes(start.offset, start.note))
        self._starts.append(start)
        return reading

    async def _may_skip(self, reading: _Reading, message: Any) -> bool:
        """Return whether the log itself has nothing before a message, as where a transaction ends.

        What Faust has lost is read again from the commits, once; so is what has left the log, which is told at that beginning.
        """
        partition, expected, seen = reading.partition, reading.next_offset, message.offset
        following = await self._told(self._next_kept, partition, expected)
        if not self._is_current(message):
            return False
        if following is not None and following >= seen:
            return True
        if following is not None and self._missed.get(message.tp) == expected:
            raise RuntimeError(f"{message.tp} went on at offset {seen}, expected {expected}, and again when it was read again")
        self._missed[message.tp] = expected
        log.warning("records are missing: reading again", partition=partition.number, expected=expected, seen=seen)
        self._metrics.of(READ_AGAIN).inc()
        await self._begin_again()
        return False

    def _next_kept(self, partition: Partition, offset: int) -> int | None:
        """Return the offset of the first record from `offset` on, None where that has left the log, as it may meanwhile."""
        first, _ = self._topic_log.edges(partition)
        is_kept = first <= offset
        return self._topic_log.next_from(partition, offset) if is_kept else None

    async def _begin_again(self) -> None:
        """Drop everything and read all partitions again from their commits, as a rebalance does that begins meanwhile."""
        consumer = self._app.consumer
        generation = consumer.generation
        consumer.halt()
        self._drop_events()
        await consumer.seek_again()
        await self._forget()
        if consumer.generation == generation:
            self._drop_events()  # also those that were on their way
            consumer.go_on()

    def _drop_events(self) -> None:
        while not self._events.empty():
            self._events.get_nowait()

    async def _told(self, ask: Callable[..., T], *arguments: Any) -> T:
        """Ask Kafka until it answers; raises `Stopped` when the process is asked to stop before."""
        while True:
            try:
                return cast("T", await self._on_thread(ask, *arguments))
            except Unavailable as error:
                if self._outbox.give_up():
                    raise Stopped from None
                log.warning("waiting", reason=str(error), retry_in_seconds=FIRST_BACKOFF_SECONDS)
                await asyncio.sleep(FIRST_BACKOFF_SECONDS)

    async def _rebalanced(self, _app: Any, _partitions: Any, **_: Any) -> None:
        """Drop everything: Faust delivers all partitions again from their commits, kept ones too."""
        self._metrics.of(m.REBALANCES).labels("given").inc()
        await self._forget()

    async def _forget(self) -> None:
        self._reading.clear()
        self._starts, self._records = [], []
        await self._on_thread(self._drop)

    def _drop(self) -> None:
        for partition in self._begun:
            self._stage.revoked(partition)
        self._begun.clear()

    async def _on_thread(self, work: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)


def _empty(event: Any) -> None:
    """Leave of an event what its acknowledgement needs: a window may hold it for a day."""
    for holder in (event, event.message):
        holder.key = holder.value = holder.headers = None


def _record(partition: Partition, message: Any) -> Record:
    headers = tuple(message.headers.items()) if isinstance(message.headers, dict) else tuple(message.headers or ())
    return Record(partition, message.offset, message.key, message.value, readable(headers), int(message.timestamp * 1000))
