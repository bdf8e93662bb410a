"""Who owns a partition of `sources` runs its cameras, plans its files and deals chunks of both; the group decides that alone."""

import time
from collections.abc import Callable, Collection, Sequence
from typing import Final

import msgspec

from originals.errors import Unreachable, Unreadable
from schemas.identity import chunk_stream
from schemas.messages import Plan, Recut, Source, SourceStatus
from schemas.topics import CHUNKS, SOURCE_STATUS, SOURCES
from services.decoder import metrics as m
from services.decoder.cameras.catching_up import CatchingUp
from services.decoder.cameras.fleet import Fleet
from services.decoder.dealing import Deal, Dealer
from services.decoder.inspection import Inspected, Inspector, Result, captured_from_ms
from services.decoder.plan import chunk, cut
from services.decoder.reports import FileState, ask_for_new_life, say
from services.decoder.reruns import BULK_TOPICS, Reruns
from services.decoder.retries import Retries
from services.decoder.state import StateTopics
from streaming.errors import Unavailable
from streaming.logs import get_logger
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.records import Partition, Record
from streaming.stage import Reached, Start

OVERHEARD_SECONDS: Final = 5.0
CORRECT_SECONDS: Final = 1.0
"""So often at most a status is said again: what is said is heard before that, and a flood of late ones brings no other."""
CHANGED: Final = "the file has changed since it was planned; it is being planned anew"
LOST: Final = "parts of the file are indexed, but by which plan is not known any more; it is being planned anew"

log = get_logger("ownership")


class Ownership:
    """The stage on `sources`. What is wanted of a source comes from the state topic, so nothing is lost between two owners."""

    def __init__(
        self,
        state: StateTopics,
        dealer: Dealer,
        inspector: Inspector,
        fleet: Fleet,
        catching_up: CatchingUp,
        outbox: Outbox,
        metrics: Metrics,
    ) -> None:
        self._state, self._dealer, self._inspector = state, dealer, inspector
        self._fleet, self._catching_up = fleet, catching_up
        self._outbox, self._metrics = outbox, metrics
        self._retries = Retries()
        self._reruns = Reruns(state.earlier_recuts)
        self._next: dict[int, int] = {}
        self._files: dict[str, Source] = {}
        self._said: dict[str, SourceStatus] = {}
        self._correct_at = 0.0
        self._answered: dict[str, SourceStatus] = {}

    def assigned(self, start: Start) -> None:
        """Take over the sources of a partition: cameras are captured, planned chunks that are not done are dealt again."""
        if self._fleet.keeps(self._of(start.partition)):
            self._overhear()
        self._next[start.partition.number] = start.offset
        self._correct_at = time.monotonic() + CORRECT_SECONDS  # most of what is taken over speaks for itself
        for source_id in self._of(start.partition):
            self._take(self._state.sources.values[source_id])

    def revoked(self, partition: Partition) -> None:
        """Forget the files of a partition, and end the captures of its cameras before its next owner begins."""
        self._leave(partition, self._fleet.forget)

    def lost(self, partition: Partition) -> None:
        """Forget the files of a partition; its cameras are captured until another speaks for them."""
        self._leave(partition, self._fleet.keep)

    def wants(self) -> Collection[str]:
        """Read always: the records only move the commit on."""
        return (SOURCES.name,)

    def process(self, records: Sequence[Record]) -> None:
        """Note how far the log was read."""
        for record in records:
            self._next[record.partition.number] = record.offset + 1

    def reached(self, partition: Partition) -> Reached:
        """Return how far the log was read: nothing of it is needed again."""
        return Reached(self._next[partition.number], self._next[partition.number])

    def settle(self) -> None:
        """Nothing waits for a commit."""

    def follow(self) -> None:
        """Take in what the state topics say since the last turn of the loop."""
        for source in self._state.sources.poll():
            if self._is_ours(source.source_id):
                self._take(source, told=True)
            else:
                self._fleet.reconsider(source)
        self._follow_statuses()
        for done in self._state.finished.follow():
            source_now = self._files.get(done.source_id)
            if source_now is not None and source_now.life == done.life:
                self._dealer.done(done.source_id, done.index)
            self._catching_up.done(done)
        self._recut(self._state.recuts.poll())

    def step(self) -> bool:
        """Plan what was inspected, look again at what is due, deal; the same for what cameras have missed.

        Cameras come first: what is waited for of one that has become a file is forgotten before anything of that file is dealt.
        """
        self._catching_up.follow(self._fleet.captures)
        for source, result in self._inspector.results():
            self._inspected(source, result)
        for source_id in self._retries.due(time.monotonic()):
            self._inspector.start(self._files[source_id])
        for deal in self._dealer.deal():
            self._send(deal)
        self._fleet.watch()
        self._correct(time.monotonic())
        self._metrics.of(m.OWNED).set(len(self._files))
        self._metrics.of(m.OUTSTANDING).set(self._dealer.outstanding)
        return False

    def _follow_statuses(self) -> None:
        for status in self._state.statuses.poll():
            self._hear(status)
            self._hear_of_camera(status)

    def _correct(self, now: float) -> None:
        """Say again how sources of ours are of which the last word is of a life that is over: nobody would see what it hides.

        Only a larger life corrects a smaller one, so no two decoders go on contradicting each other.
        """
        if now < self._correct_at:
            return
        self._correct_at = now + CORRECT_SECONDS
        for source_id, late in self._state.statuses.late.items():
            source, known = self._state.sources.values.get(source_id), self._state.statuses.values[source_id]
            if source is None or not self._is_ours(source_id) or source.life != known.life:
                continue
            if source_id in self._files and self._answered.get(source_id) is not late:
                self._answered[source_id] = late
                self._say_again(self._status(source) or known)
            elif source.kind == "camera":
                self._fleet.say_again(source, known)

    def _say_again(self, status: SourceStatus) -> None:
        self._said[status.source_id] = status
        self._outbox.send_message(SOURCE_STATUS.name, status, key=status.source_id)

    def _overhear(self) -> None:
        """Read what was said of cameras until now: who had them meanwhile may have ended the runs that are kept here."""
        try:
            self._state.statuses.read_on(OVERHEARD_SECONDS)
        except Unavailable as error:
            log.warning("lost cameras are captured anew", reason=str(error))
            self._fleet.let_go()
        self._follow_statuses()

    def _leave(self, partition: Partition, cameras: Callable[[Collection[str]], None]) -> None:
        del self._next[partition.number]
        cameras(self._of(partition))
        for source_id in [source_id for source_id in self._files if self._number(source_id) == partition.number]:
            self._forget(source_id)

    def _of(self, partition: Partition) -> list[str]:
        return [source_id for source_id in self._state.sources.values if self._number(source_id) == partition.number]

    def _number(self, source_id: str) -> int:
        return self._state.sources.partition_of[source_id]

    def _is_ours(self, source_id: str) -> bool:
        return self._number(source_id) in self._next

    def _take(self, source: Source, *, told: bool = False) -> None:
        """Do what is wanted of a source. `told`: its record is new, so a failed or planned file is looked at again."""
        wanted = None if source.wanted == "removed" else source.kind
        if wanted != "camera":
            self._fleet.drop(source.source_id)
        if wanted != "file":
            self._forget(source.source_id)
        if wanted == "camera":
            self._fleet.take(source, self._state.statuses.values.get(source.source_id), told=told)
        elif wanted == "file":
            self._take_file(source, told=told)

    def _take_file(self, source: Source, *, told: bool) -> None:
        before = self._files.get(source.source_id)
        if before is not None and before.life != source.life:
            self._forget(source.source_id)
        self._files[source.source_id] = source
        status = self._status(source)
        if source.wanted == "paused":
            self._rest(source)
            self._say(source, "paused")
        elif status is not None and status.plan is not None and status.state == "running" and not told:
            self._deal(source, status.plan)
        elif status is None or status.state != "failed" or told:
            self._look(source)

    def _look(self, source: Source) -> None:
        if self._status(source) is None:
            self._say(source, "waiting")
        self._inspector.start(source)

    def _inspected(self, seen: Source, result: Result) -> None:
        source = self._files.get(seen.source_id)
        if source is None or source.life != seen.life or source.wanted != "running":
            return
        self._metrics.of(m.INSPECTIONS).labels(type(result).__name__.lower()).inc()
        plan = self._plan(source)
        if isinstance(result, Inspected):
            self._found(source, plan, result)
        elif plan is None or self._undone(source, plan):
            self._missed(source, result)

    def _found(self, source: Source, plan: Plan | None, found: Inspected) -> None:
        """Plan a file that has no plan; go on with one that has, unless it is another file now.

        One that has no plan though chunks of it are done was planned by another owner: it may be another file now.
        """
        self._retries.forget(source.source_id)
        status = self._status(source)
        if plan is None:
            plan = self._made(source, found)
            if len(self._undone(source, plan)) < len(plan.chunks):
                return self._found_without_plan(source, found)
        elif plan.fingerprint != found.fingerprint:
            ask_for_new_life(self._outbox, source.source_id, source.life, found.fingerprint)
            return self._postpone(source, CHANGED)
        elif status is not None and status.state == "running":
            return None
        self._say(source, "running", plan=plan)
        self._deal(source, plan)
        return None

    def _found_without_plan(self, source: Source, found: Inspected) -> None:
        """Go on with the plan of a file of which chunks are done, if it was said meanwhile; else plan it in a new life."""
        try:
            self._state.statuses.read_on(OVERHEARD_SECONDS)
        except Unavailable as error:
            return self._postpone(source, str(error))
        self._follow_statuses()
        if (plan := self._plan(source)) is not None:
            return self._found(source, plan, found)
        ask_for_new_life(self._outbox, source.source_id, source.life, found.fingerprint)
        return self._postpone(source, LOST)

    def _missed(self, source: Source, failure: Unreadable | Unreachable) -> None:
        if isinstance(failure, Unreachable):
            return self._postpone(source, str(failure))
        self._rest(source)
        self._say(source, "failed", error=str(failure))
        return None

    def _made(self, source: Source, found: Inspected) -> Plan:
        chunks = cut(found.duration_ms, source.sample_fps, seekable=found.seekable)
        log.info("planned", source_id=source.source_id, life=source.life, chunks=len(chunks), seekable=found.seekable)
        return Plan(
            life=source.life,
            fingerprint=found.fingerprint,
            duration_ms=found.duration_ms,
            sample_fps=source.sample_fps,
            seekable=found.seekable,
            chunks=chunks,
        )

    def _postpone(self, source: Source, reason: str) -> None:
        self._dealer.drop(source.source_id)
        self._retries.postpone(source.source_id, time.monotonic())
        self._say(source, "waiting", error=reason)

    def _hear(self, status: SourceStatus) -> None:
        """Take in what a chunk's worker says of a file of ours: all of it where we have said nothing later, else its notices.

        A plan that an owner before has made is kept too, though it is heard of late.
        """
        source, said = self._files.get(status.source_id), self._said.get(status.source_id)
        if source is None or source.life != status.life:
            return None
        if said is not None and said.since_ms >= status.since_ms:
            plan = said.plan or status.plan
            is_told = set(status.notices) <= set(said.notices) and plan == said.plan
            if not is_told and said.state != "catching-up" and self._status(source) is said:
                self._say(source, said.state, error=said.error, plan=plan, notices=status.notices)
            return None
        plan = self._plan(source)
        self._said[status.source_id] = status
        if status.plan is None and plan is not None:
            status = msgspec.structs.replace(status, plan=plan)  # whoever said it had not read the plan
            self._say_again(status)
        if status.state == "running" and said is not None and said.state in ("waiting", "paused", "failed"):
            return self._say(source, said.state, error=said.error)  # a worker's notice, sent before it knew of this state
        if status.state in ("failed", "waiting"):
            self._dealer.drop(status.source_id)
        if status.state == "waiting":
            self._retries.postpone(status.source_id, time.monotonic())
        return None

    def _hear_of_camera(self, status: SourceStatus) -> None:
        source = self._state.sources.values.get(status.source_id)
        if source is None or source.kind != "camera":
            return
        if self._is_ours(source.source_id):
            self._fleet.hear(source, status)
        else:
            self._fleet.overhear(status)

    def _recut(self, recuts: Sequence[Recut]) -> None:
        """Deal again what is not done: consumers have lost parts of the log, and of what sources they may not know."""
        for recut in recuts:
            self._reruns.take(recut)
            self._catching_up.recut(recut)
        lost = {recut.source_id for recut in recuts if recut.topic in BULK_TOPICS}
        for source_id, source in self._files.items():
            status = self._status(source)
            if lost & {None, source_id} and status is not None and status.plan and status.state == "running":
                self._deal(source, status.plan)

    def _deal(self, source: Source, plan: Plan) -> None:
        self._dealer.add(source.source_id, self._undone(source, plan))

    def _undone(self, source: Source, plan: Plan) -> list[int]:
        streams = ((span.index, chunk_stream(source.source_id, source.life, span.index)) for span in plan.chunks)
        return [index for index, stream in streams if not self._state.finished.has(stream)]

    def _send(self, deal: Deal) -> None:
        message = self._catching_up.chunk(deal.source_id, deal.index, self._reruns)
        if message is None:
            source = self._files[deal.source_id]
            plan = self._plan(source)
            assert plan is not None
            span, captured_ms = plan.chunks[deal.index], captured_from_ms(source.starts_at)
            message = chunk(source, plan, span, captured_ms, self._reruns.run_of(source))
        self._outbox.send_message(CHUNKS.name, message, key=message.stream, partition=deal.partition)

    def _rest(self, source: Source) -> None:
        self._inspector.forget(source.source_id)
        self._retries.forget(source.source_id)
        self._dealer.drop(source.source_id)

    def _forget(self, source_id: str) -> None:
        if source := self._files.pop(source_id, None):
            self._rest(source)
            self._said.pop(source_id, None)
            self._answered.pop(source_id, None)

    def _status(self, source: Source) -> SourceStatus | None:
        """Return the newest status of a source's present life, of those said here and those read."""
        known = (self._said.get(source.source_id), self._state.statuses.values.get(source.source_id))
        ours = [status for status in known if status is not None and status.life == source.life]
        return max(ours, key=lambda status: status.since_ms, default=None)

    def _plan(self, source: Source) -> Plan | None:
        status = self._status(source)
        return None if status is None else status.plan

    def _say(
        self,
        source: Source,
        state: FileState,
        *,
        error: str | None = None,
        plan: Plan | None = None,
        notices: Sequence[str] = (),
    ) -> None:
        known = self._status(source)
        plan = plan or self._plan(source)
        self._said[source.source_id] = say(self._outbox, source.source_id, source.life, state, error, plan, known, notices)
