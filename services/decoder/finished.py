"""Which chunks are done: those that `chunk-status` lists in every space that is being filled."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from schemas.groups import embedder_group
from schemas.messages import ChunkStatus
from services.decoder.cameras.spans import Done, Reach
from streaming.state import StateTopic


def spaces_of(groups: Iterable[str]) -> tuple[str, ...]:
    """Return the spaces that the bulk embedders among consumer groups fill."""
    prefix = embedder_group("bulk", "")
    return tuple(group.removeprefix(prefix) for group in groups if group.startswith(prefix))


def span_began_ms(stream: str) -> int | None:
    """Return when a span that was caught up begins, by the name of its stream; None for another stream."""
    name = stream.rpartition("/")[2]
    return int(name[1:]) if name != stream and name[0] == "r" else None


class Finished:
    """The topic `chunk-status`, as the question that the decoder asks of it. Without spaces, any space will do."""

    def __init__(self, topic: StateTopic[ChunkStatus], spaces: Sequence[str]) -> None:
        self._topic, self._spaces = topic, tuple(spaces)
        self._streams = {status.stream for status in topic.values.values()}
        self._caught_up: defaultdict[tuple[str, int], dict[str, Done]] = defaultdict(dict)
        for status in topic.values.values():
            self._note(status)

    def has(self, stream: str) -> bool:
        """Whether the chunk of this stream need not be decoded again."""
        if not self._spaces:
            return stream in self._streams
        return all(f"{space}/{stream}" in self._topic.values for space in self._spaces)

    def caught_up(self, source_id: str, life: int) -> dict[int, Done]:
        """Return the spans of a camera that are done, by the times at which they begin; each as far as it has rows."""
        spans = self._caught_up[source_id, life]
        return {span.reach.first_ms: span for stream, span in spans.items() if self.has(stream)}

    def follow(self) -> list[ChunkStatus]:
        """Return the chunks that are done since the last call."""
        changed = self._topic.poll()
        self._streams.update(status.stream for status in changed)
        for status in changed:
            self._note(status)
        return [status for status in changed if self.has(status.stream)]

    def _note(self, status: ChunkStatus) -> None:
        first_ms = span_began_ms(status.stream)
        if first_ms is not None:
            last_ms = first_ms if status.last_t_ms is None else status.last_t_ms
            span = Done(Reach(first_ms, last_ms), status.rows, status.last_t_ms)
            self._caught_up[status.source_id, status.life][status.stream] = span
