"""What the API answers, as frozen structs. Fields that this client does not know are ignored; absent ones have defaults."""

from typing import Literal

import msgspec

State = Literal["waiting", "running", "catching-up", "paused", "indexed", "failed"]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What all answers share: immutability, and unknown fields ignored."""


class Camera(Result, frozen=True):
    """What a capture has seen of its camera. `decodes` is `keyframes` or `frames`; `clock_off_ms`: its clock less ours."""

    codec: str = ""
    width: int = 0
    height: int = 0
    decodes: str = ""
    gop_ms: int | None = None
    clock: str = ""
    clock_off_ms: int | None = None


class Source(Result, frozen=True):
    """A source as it is listed. `error` says why it is in its state, `since_ms` since when (UTC epoch milliseconds).

    Of a file: `progress` is the done part, 0 to 1, and `samples` the rows that it will have; None until it is planned.
    Of a live source: `last_t_ms` is its newest row and `searchable_seconds` how long that took from the picture into the index.
    """

    source_id: str
    kind: str
    state: State
    error: str | None = None
    name: str = ""
    category: str = ""
    labels: dict[str, str] = {}
    url: str | None = None
    wanted: str = "running"
    life: int = 1
    sample_fps: float | None = None
    starts_at: str | None = None
    record: bool = True
    keep_days: float | None = None
    progress: float | None = None
    chunks_done: int = 0
    chunks_planned: int | None = None
    rows: int | None = None
    samples: int | None = None
    duration_ms: int | None = None
    since_ms: int | None = None
    camera: Camera | None = None
    last_t_ms: int | None = None
    last_sample_at: str | None = None
    searchable_seconds: float | None = None
    samples_per_second: float | None = None

    @property
    def settled(self) -> bool:
        """Whether waiting longer changes nothing: indexed, failed, paused, a camera whose rows come in, a push source."""
        if self.state == "running":
            return self.kind == "push" or (self.kind == "camera" and self.last_t_ms is not None)
        return self.state in ("indexed", "failed", "paused")


class SentFrame(Result, frozen=True):
    """A picture that Kafka has: when it was taken, on its source's timeline and in UTC, and its place in `frames-live`."""

    source_id: str
    t_ms: int
    captured_ms: int
    partition: int
    offset: int


class SourcePage(Result, frozen=True):
    """One page of the list of sources."""

    sources: tuple[Source, ...]
    next_cursor: str | None = None


class Removal(Result, frozen=True):
    """What a removal deletes, in numbers; None where the server does not say."""

    source_id: str = ""
    rows: int | None = None
    media_files: int | None = None
    media_bytes: int | None = None


class Hit(Result, frozen=True):
    """One segment. Times are on the source's own timeline: UTC epoch ms for a camera, ms from the first frame for a file.

    `captured_at` is wall-clock time (ISO 8601) where it is known. The URLs are signed and expire.
    """

    source_id: str
    start_ms: int
    end_ms: int
    peak_ms: int
    score: float
    confidence: float | None = None
    captured_at: str | None = None
    box: tuple[float, float, float, float] | None = None
    provisional: bool = False
    similar: int = 0
    thumbnail_url: str | None = None
    clip_url: str | None = None


class Took(Result, frozen=True):
    """Where the time of a search went, in milliseconds."""

    encode: float = 0.0
    search: float = 0.0
    refine: float = 0.0
    total: float = 0.0


class Readiness(Result, frozen=True):
    """What `/readyz` says: whether requests are answered, and each part that this depends on."""

    ready: bool
    parts: dict[str, bool] = {}


class Unread(Result, frozen=True):
    """How many records of a topic a consumer group has not processed."""

    topic: str
    group: str
    records: int


class KafkaStatus(Result, frozen=True):
    """What Kafka says of the stack. `dead_letters` counts, by topic, the records that could not be processed and are kept."""

    brokers: tuple[str, ...] = ()
    spaces: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()
    dead_letters: dict[str, int] = {}


class IndexStatus(Result, frozen=True):
    """The collection in Milvus: its embedding space and how many rows it holds."""

    collection: str
    space: str
    rows: int


class StackStatus(Result, frozen=True):
    """The stack at a glance; a part is None while it does not answer."""

    kafka: KafkaStatus | None = None
    index: IndexStatus | None = None


class DeadLetter(Result, frozen=True):
    """A record that could not be processed. Times are UTC epoch milliseconds; None is what the letter does not say.

    `partition`, `offset` and `written_ms` are the record's own, in `topic`. `replay_of` is the first letter of a record that was
    replayed `replays` times and has failed again.
    """

    id: str
    topic: str
    at_ms: int
    reason: str = ""
    service: str = ""
    source_id: str | None = None
    partition: int | None = None
    offset: int | None = None
    written_ms: int | None = None
    value_bytes: int = 0
    replay_of: str | None = None
    replays: int = 0


class DeadLetterPage(Result, frozen=True):
    """One page of dead letters, newest first. It may be empty and still not the last one."""

    dead_letters: tuple[DeadLetter, ...]
    next_cursor: str | None = None


class LetterHeader(Result, frozen=True):
    """A header of a record."""

    name: str
    value: str | None = None


class LetterValue(Result, frozen=True):
    """The value of a record as far as it can be read: `kind` is picture, vector, json, text, bytes or empty."""

    kind: str
    text: str = ""
    format: str = ""
    width: int = 0
    height: int = 0
    numbers: int = 0
    begins: str = ""


class WholeLetter(DeadLetter, frozen=True):
    """A dead letter with all that is shown of it. `obstacle` says why it cannot be replayed, None where it can."""

    key: str | None = None
    headers: tuple[LetterHeader, ...] = ()
    headers_left_out: int = 0
    value: LetterValue = LetterValue(kind="empty")
    left_out: str | None = None
    obstacle: str | None = None


class ReplayedLetter(Result, frozen=True):
    """A letter that was sent again, and its new place; `offset` is None where it only would be."""

    id: str
    topic: str
    partition: int
    offset: int | None = None


class RefusedLetter(Result, frozen=True):
    """A letter that was not sent again."""

    id: str
    reason: str


class Replay(Result, frozen=True):
    """What became of letters that were to be sent again."""

    replayed: tuple[ReplayedLetter, ...] = ()
    refused: tuple[RefusedLetter, ...] = ()
    dry_run: bool = False


class SearchResult(Result, frozen=True):
    """Hits, best first. `found` is false when none is good enough to be what was asked for; the nearest may still be listed.

    `sources_without_clock` counts the sources that `since` and `until` left out because nobody knows when they were taken.
    """

    hits: tuple[Hit, ...]
    found: bool
    space: str = ""
    notice: str | None = None
    sources_without_clock: int = 0
    next_cursor: str | None = None
    took_ms: Took = Took()
