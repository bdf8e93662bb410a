"""The one loop: consume, process, produce, flush, commit. Beside it the live indexer alone commits, by way of Faust.

A commit, in this order and no other:

1. `Stage.settle` makes durable what the stage's outputs need (rows confirmed by the vector store);
2. `Outbox.flush` waits until Kafka has acknowledged every output and dead letter;
3. the safe offset of every partition is sent to be committed, with the processed offset and the stage's note as metadata. Kafka's
   answer comes from within a later poll; only what it confirms counts as committed.

A crash between any two of these repeats work and never loses it: keys are only ever written with one value.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streaming import metrics as m
from streaming.clients import member_settings
from streaming.committing import Committer
from streaming.ending import end_within
from streaming.errors import Stopped, Unavailable
from streaming.logs import get_logger
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.records import Partition, Record, record_of
from streaming.stage import Reached, Stage, Start
from streaming.start import start_of
from streaming.topic_log import checked, edges

COMMIT_INTERVAL_SECONDS: Final = 0.5
IDLE_WAIT_SECONDS: Final = 0.04
BATCH_RECORDS: Final = 256
FIRST_BACKOFF_SECONDS, LAST_BACKOFF_SECONDS = 0.1, 5.0
FLUSH_SECONDS: Final = 5.0
STOP_SECONDS, LEAVE_SECONDS = 6.0, 4.0
"""For what is in hand and for leaving the groups; with a turn before and what a service does after, less than `main` gives it."""
ANSWER_SECONDS: Final = 0.02
KAFKA_SECONDS: Final = 10.0

_RETRIED: Final = frozenset(
    (
        KafkaError.ILLEGAL_GENERATION, KafkaError.REBALANCE_IN_PROGRESS, KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.STALE_MEMBER_EPOCH, KafkaError.FENCED_MEMBER_EPOCH, KafkaError.NOT_COORDINATOR,
        KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.REQUEST_TIMED_OUT,
        KafkaError._TIMED_OUT, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._WAIT_COORD,  # noqa: SLF001
        KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.REPLICA_NOT_AVAILABLE,
        KafkaError.OFFSET_NOT_AVAILABLE, KafkaError.KAFKA_STORAGE_ERROR, KafkaError.UNSTABLE_OFFSET_COMMIT,
        KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._TIMED_OUT_QUEUE, KafkaError._RESOLVE, KafkaError._NO_OFFSET,  # noqa: SLF001
        KafkaError._UNKNOWN_PARTITION, KafkaError.FENCED_LEADER_EPOCH, KafkaError.UNKNOWN_LEADER_EPOCH,  # noqa: SLF001
        KafkaError._DESTROY_BROKER,  # noqa: SLF001  a broker that is away is forgotten while a question to it waits
    )
)  # fmt: skip

T = TypeVar("T")
log = get_logger("loop")


@dataclass(frozen=True)
class Reader:
    """A consumer group and its topics. Earlier readers are served first."""

    group: str
    topics: tuple[str, ...]
    batch_records: int = BATCH_RECORDS


@dataclass
class _Member:
    reader: Reader
    consumer: Consumer
    committer: Committer
    paused: set[Partition] = field(default_factory=set)
    given: set[Partition] = field(default_factory=set)

    @property
    def committed(self) -> dict[Partition, Reached]:
        """The partitions in hand."""
        return self.committer.confirmed


class Loop:
    """Runs one stage over its readers, on the calling thread."""

    def __init__(
        self,
        bootstrap: str,
        readers: Sequence[Reader],
        stage: Stage,
        outbox: Outbox,
        metrics: Metrics,
        *,
        heartbeat: Path | None = None,
        each_turn: Sequence[Callable[[], object]] = (),
    ) -> None:
        self._members = [_member(bootstrap, reader) for reader in readers]
        self._stage, self._outbox, self._metrics = stage, outbox, metrics
        self._heartbeat, self._each_turn = heartbeat, each_turn
        self._backoff_seconds = 0.0
        self._blocked_until = self._commit_at = self._beat_at = 0.0
        self._leaving = False
        self._wanted: frozenset[str] = frozenset()

    def run(self, is_over: Callable[[], bool]) -> None:
        """Work until `is_over` says so, then settle, flush, commit and leave the groups.

        What cannot be settled in `STOP_SECONDS` is left uncommitted, so that its next reader does it again. A group that cannot
        be left in `LEAVE_SECONDS` notices at the end of the session.
        """
        self._outbox.give_up = is_over
        self._outbox.while_waiting = self._beat
        for member in self._members:
            member.consumer.subscribe(list(member.reader.topics), **self._callbacks(member))
        try:
            while not is_over():
                self._turn()
            self._stop()
        except Stopped:
            pass
        finally:
            self._leaving = True
            end_within(LEAVE_SECONDS, *(member.consumer.close for member in self._members))

    def _turn(self) -> None:
        self._beat()
        more = self._guarded(self._stage.step) if not self._blocked() else False
        records = self._read(0.0 if more else IDLE_WAIT_SECONDS)
        if records:
            self._stage.process(records)
        if time.monotonic() >= self._commit_at and not self._blocked():
            self._guarded(self._commit_all)
            self._commit_at = time.monotonic() + COMMIT_INTERVAL_SECONDS
        for follow in self._each_turn:
            follow()

    def _blocked(self) -> bool:
        return time.monotonic() < self._blocked_until

    def _guarded(self, act: Callable[[], bool | None]) -> bool:
        """Call `act`; where a dependency does not answer, stay in the groups and wait with backoff."""
        try:
            more = bool(act())
        except Unavailable as error:
            self._backoff_seconds = min(max(FIRST_BACKOFF_SECONDS, self._backoff_seconds * 2), LAST_BACKOFF_SECONDS)
            self._blocked_until = time.monotonic() + self._backoff_seconds
            self._metrics.of(m.UNAVAILABLE).inc()
            log.warning("waiting", reason=str(error), retry_in_seconds=self._backoff_seconds)
            return False
        self._backoff_seconds = 0.0
        return more

    def _read(self, wait_seconds: float) -> list[Record]:
        """Read from the first reader that has something; a later one is not asked to wait when an earlier one had records."""
        self._wanted = frozenset() if self._blocked() else frozenset(self._stage.wants())
        records: list[Record] = []
        for member in self._members:
            self._pause(member)
            wait = 0.0 if records else wait_seconds / len(self._members)
            records += self._poll(member, wait)
        return records

    def _pause(self, member: _Member) -> None:
        unwanted = {partition for partition in member.committed if partition.topic not in self._wanted}
        if pausing := unwanted - member.paused:
            member.consumer.pause(_places(pausing))
        if resuming := member.paused - unwanted:
            member.consumer.resume(_places(resuming))
        member.paused = unwanted

    def _poll(self, member: _Member, wait_seconds: float) -> list[Record]:
        first = member.consumer.poll(wait_seconds)  # consume(n, t) alone would wait for all n
        if first is None:
            return []
        member.given.clear()
        rest = member.consumer.consume(member.reader.batch_records - 1, 0)
        messages = [first, *rest]
        if Partition(first.topic() or "", first.partition() or 0) in member.given:
            del messages[0]  # its partition went and came back within this call: it is read again from the commit
        records = [record_of(message) for message in messages if self._is_record(message)]
        records = [record for record in records if record.partition in member.committed]
        for topic in {record.partition.topic for record in records}:
            self._metrics.of(m.RECORDS).labels(topic).inc(sum(record.partition.topic == topic for record in records))
        return records

    def _is_record(self, message: Any) -> bool:
        error = message.error()
        if error is None:
            return True
        if error.code() == KafkaError._AUTO_OFFSET_RESET or error.fatal():  # noqa: SLF001
            raise RuntimeError(f"reading {message.topic()} [{message.partition()}] failed: {error.str()}")
        log.warning("kafka", reason=error.str())
        return False

    def _commit_all(self, flush_seconds: float = FLUSH_SECONDS) -> bool:
        """Return whether Kafka has confirmed everything."""
        started = time.monotonic()
        self._stage.settle()
        self._outbox.flush(flush_seconds)
        self._metrics.of(m.COMMIT_SECONDS).observe(time.monotonic() - started)
        confirmed = [self._commit_next(member) for member in self._members]
        return all(confirmed)

    def _commit_next(self, member: _Member) -> bool:
        """Commit what has changed, once what was committed before is answered; return whether Kafka has confirmed everything."""
        self._measure(member)
        try:
            return member.committer.is_answered(member.consumer) and not self._commit(member, member.committed)
        except KafkaException as error:
            self._put_off(member, error)
            return False

    def _commit(self, member: _Member, partitions: Iterable[Partition]) -> bool:
        """Commit what has changed, if anything has. Call it only after `settle` and `flush` have returned."""
        now = {p: self._stage.reached(p) for p in partitions}
        changed = {p: reached for p, reached in now.items() if reached != member.committed[p]}
        if changed:
            member.committer.send(member.consumer, changed)
        return bool(changed)

    def _put_off(self, member: _Member, error: KafkaException) -> None:
        """Commit later what was refused for a reason that passes; raises any other."""
        if error.args[0].code() not in _RETRIED:
            raise error
        log.info("commit put off", group=member.reader.group, reason=error.args[0].str())

    def _measure(self, member: _Member) -> None:
        for topic in member.reader.topics:
            unread = held = 0
            for partition in member.committed:
                if partition.topic == topic:
                    reached = self._stage.reached(partition)
                    _, end = member.consumer.get_watermark_offsets(_place(partition), cached=True)
                    unread += max(0, end - reached.processed_offset)
                    held += reached.processed_offset - reached.safe_offset
            self._metrics.of(m.UNREAD).labels(topic).set(unread)
            self._metrics.of(m.HELD).labels(topic).set(held)

    def _callbacks(self, member: _Member) -> dict[str, Any]:
        return {
            "on_assign": lambda _, places: self._assigned(member, places),
            "on_revoke": lambda _, places: self._revoked(member, places),
            "on_lost": lambda _, places: self._lost(member, places),
        }

    def _assigned(self, member: _Member, places: list[TopicPartition]) -> None:
        if self._leaving:  # a consumer that is closing gets no answer about commits, ever
            return
        starts = [self._start(member, commit) for commit in self._commits(member, places)]
        member.consumer.incremental_assign([_place(start.partition, start.offset) for start in starts])
        member.consumer.resume(_places(start.partition for start in starts))  # one that was taken while paused comes back so
        for start in starts:
            member.committed[start.partition] = Reached(-1, -1)
            member.given.add(start.partition)
            self._stage.assigned(start)
        self._pause(member)
        self._metrics.of(m.REBALANCES).labels("given").inc(len(places))
        log.info("assigned", group=member.reader.group, partitions=len(places))

    def _asked(self, ask: Callable[[], T]) -> T:
        """Ask Kafka until it answers: just after a start, or a topic's creation, it may know neither leader nor coordinator.

        Raises `Stopped` when the process is asked to stop before.
        """
        while True:
            try:
                return ask()
            except KafkaException as error:
                if error.args[0].code() not in _RETRIED:
                    raise
                if self._outbox.give_up():
                    raise Stopped from None
                self._beat()
                time.sleep(FIRST_BACKOFF_SECONDS)

    def _commits(self, member: _Member, places: list[TopicPartition]) -> list[TopicPartition]:
        """Return the commits. One that Kafka has no answer for is not absent: reading would begin at the log's beginning."""
        return self._asked(lambda: checked(member.consumer.committed(places, timeout=KAFKA_SECONDS))) if places else []

    def _start(self, member: _Member, commit: TopicPartition) -> Start:
        partition = Partition(commit.topic, commit.partition)
        first, end = self._asked(lambda: edges(member.consumer, partition, KAFKA_SECONDS))
        committed = commit.offset if commit.offset >= 0 else None
        return start_of(partition, committed, commit.metadata, first, end, self._outbox, self._metrics)

    def _revoked(self, member: _Member, places: list[TopicPartition]) -> None:
        """Commit what can be committed at once, then forget: the next owner begins at that commit."""
        given = [Partition(place.topic, place.partition) for place in places]
        leaving = [partition for partition in given if partition in member.committed]
        if not self._leaving:
            try:
                self._stage.settle()
                self._outbox.flush()
                self._commit(member, leaving)
            except Unavailable as error:
                log.warning("given up uncommitted: the next owner reads it again", reason=str(error))
            except KafkaException as error:
                self._put_off(member, error)
        self._forget(member, leaving, self._stage.revoked)
        member.consumer.incremental_unassign(places)

    def _lost(self, member: _Member, places: list[TopicPartition]) -> None:
        log.warning("partitions lost", group=member.reader.group, partitions=len(places))
        self._forget(member, [Partition(place.topic, place.partition) for place in places], self._stage.lost)
        member.consumer.incremental_unassign(places)

    def _forget(self, member: _Member, partitions: list[Partition], forget: Callable[[Partition], None]) -> None:
        for partition in partitions:
            if member.committer.forget(partition):
                forget(partition)
            member.paused.discard(partition)
        self._metrics.of(m.REBALANCES).labels("taken").inc(len(partitions))

    def _stop(self) -> None:
        deadline, is_told, wait_seconds = time.monotonic() + STOP_SECONDS, False, ANSWER_SECONDS
        while (left_seconds := deadline - time.monotonic()) > 0:
            try:
                if self._commit_all(min(FLUSH_SECONDS, left_seconds)):
                    return
            except Unavailable as error:
                if not is_told:
                    log.warning("stopping", reason=str(error), waiting_seconds=round(left_seconds, 1))
                is_told, wait_seconds = True, FIRST_BACKOFF_SECONDS
            self._poll_paused(wait_seconds)
            wait_seconds = min(2 * wait_seconds, FIRST_BACKOFF_SECONDS)

    def _poll_paused(self, wait_seconds: float) -> None:
        self._wanted = frozenset()
        for member in self._members:
            self._pause(member)
            member.consumer.poll(wait_seconds)

    def _beat(self) -> None:
        """Touch the heartbeat file: a liveness probe looks at its age."""
        if self._heartbeat is not None and time.monotonic() - self._beat_at > 1.0:
            self._heartbeat.touch()
            self._beat_at = time.monotonic()


def _member(bootstrap: str, reader: Reader) -> _Member:
    committer = Committer()
    settings = {**member_settings(bootstrap, reader.group, reader.group), "on_commit": committer.answered}
    return _Member(reader, Consumer(settings), committer)


def _place(partition: Partition, offset: int | None = None) -> TopicPartition:
    if offset is None:
        return TopicPartition(partition.topic, partition.number)
    return TopicPartition(partition.topic, partition.number, offset)


def _places(partitions: Iterable[Partition]) -> list[TopicPartition]:
    return [_place(partition) for partition in partitions]
