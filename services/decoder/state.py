"""The state that every decoder process follows: whole topics, read without a group."""

from dataclasses import dataclass

from schemas.messages import ChunkStatus, Recut, Source, SourceStatus
from schemas.topics import CHUNK_STATUS, RECUT, SOURCE_STATUS, SOURCES
from services.decoder.finished import Finished, spaces_of
from services.decoder.settings import DecoderSettings
from streaming.state import StateTopic


@dataclass(frozen=True)
class StateTopics:
    """Read to their ends; `Ownership.follow` follows them."""

    sources: StateTopic[Source]
    statuses: StateTopic[SourceStatus]
    recuts: StateTopic[Recut]
    finished: Finished


def read_state(settings: DecoderSettings) -> StateTopics:
    """Return the state as it is now; raises `Unavailable`."""
    sources = StateTopic(settings.kafka, SOURCES, Source)
    statuses = StateTopic(settings.kafka, SOURCE_STATUS, SourceStatus)
    recuts = StateTopic(settings.kafka, RECUT, Recut)
    chunks = StateTopic(settings.kafka, CHUNK_STATUS, ChunkStatus)
    for topic in (sources, statuses, recuts, chunks):
        topic.read_to_end()
    return StateTopics(sources, statuses, recuts, Finished(chunks, spaces_of(settings.wait_for)))


def keep_days(state: StateTopics) -> dict[str, float]:
    """Return how long the recordings of each source are kept that says so itself."""
    return {s.source_id: s.keep_days for s in list(state.sources.values.values()) if s.keep_days is not None}
