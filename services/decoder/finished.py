"""Which chunks are done: those that `chunk-status` lists in every space that is being filled."""

from collections.abc import Iterable, Sequence

from schemas.groups import embedder_group
from schemas.messages import ChunkStatus
from streaming.state import StateTopic


def spaces_of(groups: Iterable[str]) -> tuple[str, ...]:
    """Return the spaces that the bulk embedders among consumer groups fill."""
    prefix = embedder_group("bulk", "")
    return tuple(group.removeprefix(prefix) for group in groups if group.startswith(prefix))


class Finished:
    """The topic `chunk-status`, as the question that the decoder asks of it. Without spaces, any space will do."""

    def __init__(self, topic: StateTopic[ChunkStatus], spaces: Sequence[str]) -> None:
        self._topic, self._spaces = topic, tuple(spaces)
        self._streams = {status.stream for status in topic.values.values()}

    def has(self, stream: str) -> bool:
        """Whether the chunk of this stream need not be decoded again."""
        if not self._spaces:
            return stream in self._streams
        return all(f"{space}/{stream}" in self._topic.values for space in self._spaces)

    def follow(self) -> list[ChunkStatus]:
        """Return the chunks that are done since the last call."""
        changed = self._topic.poll()
        self._streams.update(status.stream for status in changed)
        return [status for status in changed if self.has(status.stream)]
