"""The state that every decoder process follows: whole topics, read without a group."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from schemas.messages import ChunkStatus, Recut, Source, SourceStatus
from schemas.topics import CHUNK_STATUS, RECUT, SOURCE_STATUS, SOURCES
from services.decoder.cameras.retention import Kept
from services.decoder.finished import Finished, spaces_of
from services.decoder.settings import DecoderSettings
from streaming.state import StateTopic


class Statuses:
    """The topic `source-status`, as what was said last of each source in the largest life that was spoken of.

    Who has not heard yet that a life is over still speaks for it, and hides what the topic says of the next. So does who has not
    read a life's plan and says none: it is that of the status before.
    """

    def __init__(self, topic: StateTopic[SourceStatus]) -> None:
        self._topic = topic
        self._values: dict[str, SourceStatus] = {}
        self._late: dict[str, SourceStatus] = {}
        self._heard: list[SourceStatus] = []

    @property
    def values(self) -> Mapping[str, SourceStatus]:
        """The newest status of each source's largest life."""
        return self._values

    @property
    def late(self) -> Mapping[str, SourceStatus]:
        """The topic's last word of a source, where that is of a smaller life than one before it."""
        return self._late

    def read_to_end(self) -> None:
        """Read until every partition's end has been seen; raises `Unavailable`."""
        self._note(self._topic.read_to_end())

    def poll(self) -> list[SourceStatus]:
        """Follow without waiting; return all that was said since the last call."""
        heard, self._heard = self._heard, []
        return heard + self._note(self._topic.poll())

    def read_on(self, deadline_seconds: float) -> None:
        """Read all that was written until now; the next `poll` returns it. Raises `Unavailable` when that takes longer."""
        self._topic.read_on(deadline_seconds)
        self._heard += self._note(self._topic.poll())

    def _note(self, statuses: list[SourceStatus]) -> list[SourceStatus]:
        for status in statuses:
            known = self._values.get(status.source_id)
            if known is not None and known.life > status.life:
                self._late[status.source_id] = status
                continue
            plan = known.plan if known is not None and known.life == status.life and status.plan is None else status.plan
            self._values[status.source_id] = status if plan is status.plan else msgspec.structs.replace(status, plan=plan)
            self._late.pop(status.source_id, None)
        return statuses


@dataclass(frozen=True)
class StateTopics:
    """Read to their ends; `Ownership.follow` follows them. `earlier_recuts` are all that were told until then."""

    sources: StateTopic[Source]
    statuses: Statuses
    recuts: StateTopic[Recut]
    earlier_recuts: tuple[Recut, ...]
    finished: Finished


def read_state(settings: DecoderSettings) -> StateTopics:
    """Return the state as it is now; raises `Unavailable`."""
    sources = StateTopic(settings.kafka, SOURCES, Source)
    statuses = Statuses(StateTopic(settings.kafka, SOURCE_STATUS, SourceStatus))
    recuts = StateTopic(settings.kafka, RECUT, Recut)
    chunks = StateTopic(settings.kafka, CHUNK_STATUS, ChunkStatus)
    sources.read_to_end()
    statuses.read_to_end()
    chunks.read_to_end()
    earlier = tuple(recuts.read_to_end())
    return StateTopics(sources, statuses, recuts, earlier, Finished(chunks, spaces_of(settings.wait_for)))


def kept_recordings(state: StateTopics) -> dict[str, Kept]:
    """Return what is wanted of the recordings of every source, removed ones too."""
    return {
        source.source_id: Kept(
            source.life if source.wanted == "removed" else source.life - 1, source.keep_days, source.kind == "camera"
        )
        for source in list(state.sources.values.values())
    }
