"""A reader of the bus that notes when samples pass: the parts of the time from capture to being found."""

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from confluent_kafka import OFFSET_END, Consumer, TopicPartition

from schemas.headers import decode_embedding_headers, decode_frame_headers
from schemas.messages import IndexEvent, decode
from schemas.topics import EMBEDDINGS_LIVE, FRAMES_LIVE, INDEX_EVENTS
from streaming.clients import reader_settings

TOPICS: Final = (FRAMES_LIVE, EMBEDDINGS_LIVE, INDEX_EVENTS)
Moment = tuple[str, int]
"""A sample: its camera and its t_ms, which is when it was taken."""


@dataclass
class Passage:
    """When a sample passed, in ms since 1970: handed to Kafka, read here, its embedding read here, its row confirmed."""

    handed_ms: float | None = None
    framed_ms: float | None = None
    embedded_ms: float | None = None
    searchable_ms: float | None = None


@dataclass
class Observer:
    """Reads from entering its block to leaving it."""

    bootstrap: str
    passages: dict[Moment, Passage] = field(default_factory=dict)

    def __enter__(self) -> Self:
        settings = reader_settings(self.bootstrap, "bench", f"bench-{uuid.uuid4().hex}")
        self._consumer = Consumer({**settings, "auto.offset.reset": "latest"})
        places = [TopicPartition(topic.name, number, OFFSET_END) for topic in TOPICS for number in range(topic.partitions)]
        self._consumer.assign(places)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="observer", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stopping.set()
        self._thread.join()
        self._consumer.close()

    def _work(self) -> None:
        notes: dict[str, Callable[[Any, float], None]] = {
            FRAMES_LIVE.name: self._frame,
            EMBEDDINGS_LIVE.name: self._embedding,
            INDEX_EVENTS.name: self._rows,
        }
        while not self._stopping.is_set():
            message = self._consumer.poll(0.1)
            if message is not None and message.error() is None and message.value():
                notes[message.topic() or ""](message, time.time() * 1000)

    def _frame(self, message: Any, now_ms: float) -> None:
        headers = decode_frame_headers(message.headers())
        if headers.t_ms is not None:
            passage = self._of(headers.source_id, headers.t_ms)
            _, passage.handed_ms = message.timestamp()
            passage.framed_ms = now_ms

    def _embedding(self, message: Any, now_ms: float) -> None:
        headers = decode_embedding_headers(message.headers())
        if headers.t_ms is not None:
            self._of(headers.source_id, headers.t_ms).embedded_ms = now_ms

    def _rows(self, message: Any, _: float) -> None:
        """Note the first row of a moment: the provisional one, or the final one where there was no other."""
        for row in decode(message.value(), IndexEvent).rows:
            passage = self.passages.get((row.source_id, row.t_ms))
            if passage is not None and passage.searchable_ms is None:
                passage.searchable_ms = row.searchable_ms

    def _of(self, source_id: str, t_ms: int) -> Passage:
        return self.passages.setdefault((source_id, t_ms), Passage())
