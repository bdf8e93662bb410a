"""The state that every decoder process follows: whole topics, read without a group."""

from dataclasses import dataclass

from schemas.messages import ChunkStatus, Recut, Source, SourceStatus
from schemas.topics import CHUNK_STATUS, RECUT, SOURCE_STATUS, SOURCES
from services.decoder.cameras.retention import Kept
from services.decoder.finished import Finished, spaces_of
from services.decoder.settings import DecoderSettings
from streaming.state import StateTopic


@dataclass(frozen=True)
class StateTopics:
    """Read to their ends; `Ownership.follow` follows them. `earlier_recuts` are all that were told until then."""

    sources: StateTopic[Source]
    statuses: StateTopic[SourceStatus]
    recuts: StateTopic[Recut]
    earlier_recuts: tuple[Recut, ...]
    finished: Finished


def read_state(settings: DecoderSettings) -> StateTopics:
    """Return the state as it is now; raises `Unavailable`."""
    sources = StateTopic(settings.kafka, SOURCES, Source)
    statuses = StateTopic(settings.kafka, SOURCE_STATUS, SourceStatus)
    recuts = StateTopic(settings.kafka, RECUT, Recut)
    chunks = StateTopic(settings.kafka, CHUNK_STATUS, ChunkStatus)
    for topic in (sources, statuses, chunks):
        topic.read_to_end()
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
