"""Every JSON message, as a frozen typed struct. A unit is part of a field's name.

Readers ignore fields that they do not know, so a field may be added; nothing is renamed or removed.
"""

from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
import orjson

from schemas.errors import InvalidMessage
from schemas.identity import SOURCE_ID, STREAM
from schemas.limits import LARGEST_T_MS, LONGEST_KEEP_DAYS, LONGEST_STARTS_AT, LONGEST_URL, UNKNOWN_MS

Milliseconds = Annotated[int, msgspec.Meta(ge=-LARGEST_T_MS, le=LARGEST_T_MS)]
Count = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_T_MS)]
LifeNumber = Annotated[int, msgspec.Meta(ge=1, le=LARGEST_T_MS)]
# `$` alone would let a line's end through.
SourceId = Annotated[str, msgspec.Meta(pattern=rf"^{SOURCE_ID.pattern}$(?!\n)")]
StreamName = Annotated[str, msgspec.Meta(pattern=rf"^{STREAM.pattern}$(?!\n)")]
Url = Annotated[str, msgspec.Meta(max_length=LONGEST_URL)]
StartsAt = Annotated[str, msgspec.Meta(max_length=LONGEST_STARTS_AT)]
Fps = Annotated[float, msgspec.Meta(gt=0, le=60)]
KeepDays = Annotated[float, msgspec.Meta(gt=0, le=LONGEST_KEEP_DAYS)]

Kind = Literal["camera", "file", "push"]
Wanted = Literal["running", "paused", "removed"]
State = Literal["waiting", "running", "catching-up", "paused", "indexed", "failed"]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What all JSON messages share: immutability, and unknown fields ignored."""


class Life(Message, frozen=True, kw_only=True):
    """One life of a source and the wall-clock time at which it began."""

    life: LifeNumber
    began_ms: Milliseconds


class Source(Message, frozen=True, kw_only=True):
    """The wanted state of a source. Only query writes it.

    `life` is the one in force and the last of `lives`. `sample_fps` is samples a second of the timeline.
    `url` holds `${secret:NAME}` where a password stood. `keep_days` is None for the deployment's default: for ever for files.
    """

    source_id: SourceId
    kind: Kind
    life: LifeNumber
    lives: tuple[Life, ...]
    url: Url | None = None
    name: str = ""
    category: str = ""
    labels: dict[str, str] = {}
    sample_fps: Fps
    starts_at: StartsAt | None = None
    record: bool = True
    keep_days: KeepDays | None = None
    wanted: Wanted = "running"


class SourceRequest(Message, frozen=True, kw_only=True):
    """A question to query, who alone writes `sources`: register an unknown id, or raise the life of a changed file."""

    reason: Literal["unknown_id", "changed_file"]
    source_id: SourceId
    life: LifeNumber | None = None
    fingerprint: str = ""
    at_ms: Milliseconds


class Span(Message, frozen=True, kw_only=True):
    """A half-open span [start_ms, end_ms) of a timeline, owned by chunk `index`."""

    index: Count
    start_ms: Milliseconds
    end_ms: Milliseconds


class Plan(Message, frozen=True, kw_only=True):
    """How a file is cut: a pure function of the file, kept for a whole life.

    `fingerprint` identifies the bytes that were planned. `seekable` is false for a file that is one chunk because it cannot be
    sought exactly.
    """

    life: LifeNumber
    fingerprint: str
    duration_ms: Milliseconds
    sample_fps: Fps
    seekable: bool
    chunks: tuple[Span, ...]

    def __post_init__(self) -> None:
        """Refuse chunks that could not be told apart by their place."""
        if any(span.index != place for place, span in enumerate(self.chunks)):
            raise ValueError(f"the plan's {len(self.chunks)} chunks are not numbered from 0")


class Camera(Message, frozen=True, kw_only=True):
    """What a capture has seen of its camera. `decodes`: keyframes alone where they come often enough.

    `gop_ms` is the time between keyframes, None until two were seen. `clock` says what times are made from: the camera's sender
    reports, or the arrival of its packets. `clock_off_ms` is the camera's clock less ours, None without reports.
    """

    codec: str
    width: Count
    height: Count
    decodes: Literal["keyframes", "frames"]
    gop_ms: Count | None = None
    clock: Literal["reports", "arrival"]
    clock_off_ms: Milliseconds | None = None


class SourceStatus(Message, frozen=True, kw_only=True):
    """What the decoder knows of a source. `error` is for people; `run` is a camera's last run, said before its first sample.

    `notices` say what is wrong with a file that is indexed as far as it goes; they stay for its life.
    """

    source_id: SourceId
    life: LifeNumber
    state: Literal["waiting", "running", "catching-up", "paused", "failed"]
    since_ms: Milliseconds
    error: str | None = None
    notices: tuple[str, ...] = ()
    run: Count | None = None
    plan: Plan | None = None
    camera: Camera | None = None


class RecordedSamples(Message, frozen=True, kw_only=True):
    """Samples of a camera that one recorded segment shows, by their times. `start_ms` and `run` name the segment."""

    start_ms: Milliseconds
    run: Count
    times_ms: tuple[Milliseconds, ...]


class Chunk(Message, frozen=True, kw_only=True):
    """One span of a file or recording to decode. Samples in [start_ms, end_ms) become rows, those beside it are context.

    Reading begins at `read_from_ms`, or earlier where samples lie so sparse that the left margin would be short, and ends by
    `read_until_ms`. `captured_from_ms` is the UTC time of t_ms 0 where it is known. `recorded` names the samples of a camera's
    span that is caught up: exactly these are read, from its recording; `url` and `fingerprint` are empty. `run` is the one that
    its samples are sent as, larger than 0 where a consumer has lost a part of what was sent before.

    `rebuild`: a rebuild wants it for its collection. It names stream, index and span; how they are read, the worker knows: a
    chunk of a file from its plan, a stretch of a camera from its journals.
    """

    stream: StreamName
    source_id: SourceId
    life: LifeNumber
    index: Count
    url: Url
    fingerprint: str
    sample_fps: Fps
    start_ms: Milliseconds
    end_ms: Milliseconds
    read_from_ms: Milliseconds
    read_until_ms: Milliseconds
    captured_from_ms: Milliseconds = UNKNOWN_MS
    recorded: tuple[RecordedSamples, ...] = ()
    run: Count = 0
    rebuild: bool = False

    def __post_init__(self) -> None:
        """Refuse what no stage after this one would take."""
        if self.stream.partition("/")[0] != self.source_id:
            raise ValueError(f"stream {self.stream!r} does not begin with source_id {self.source_id!r}")


class ChunkStatus(Message, frozen=True, kw_only=True):
    """A chunk whose rows Milvus has confirmed in one space."""

    stream: StreamName
    source_id: SourceId
    life: LifeNumber
    index: Count
    space: str
    rows: Count
    last_t_ms: Milliseconds | None = None


class Space(Message, frozen=True, kw_only=True):
    """An embedding space: vectors are comparable only inside one. `space` is `name@` + 8 hex digits."""

    space: str
    name: str
    dimension: Annotated[int, msgspec.Meta(ge=1, le=32_768)]
    input: dict[str, Any] = {}


class Recut(Message, frozen=True, kw_only=True):
    """A span of the log that a consumer lost, to be decoded again. Without a source it is every source that wrote there:
    a consumer whose commit has left the log cannot know whose records they were. `at_ms` is the wall clock of its telling."""

    source_id: SourceId | None = None
    life: LifeNumber | None = None
    topic: str
    partition: Count
    first_offset: Count
    last_offset: Count
    at_ms: Milliseconds = 0


class RowWritten(Message, frozen=True, kw_only=True):
    """One confirmed row. `searchable_ms` is the wall clock when Milvus had confirmed it; −1 in `captured_ms` is unknown."""

    source_id: SourceId
    life: LifeNumber
    part: str
    t_ms: Milliseconds
    end_ms: Milliseconds
    captured_ms: Milliseconds
    searchable_ms: Milliseconds
    provisional: bool = False


class IndexEvent(Message, frozen=True, kw_only=True):
    """Rows that one upsert confirmed."""

    space: str
    stream: StreamName
    rows: tuple[RowWritten, ...]


class Probe(Message, frozen=True, kw_only=True):
    """A linear classifier in one space: fires where weights · vector + bias >= threshold."""

    name: str
    version: Count
    space: str
    weights: tuple[float, ...]
    bias: float
    threshold: float
    sources: tuple[str, ...] = ()
    notify: bool = True
    removed: bool = False


class Alert(Message, frozen=True, kw_only=True):
    """A probe that fired. The id is a function of probe, version, source and first sample, so it is sent once in effect."""

    alert_id: str
    probe: str
    version: Count
    source_id: SourceId
    first_t_ms: Milliseconds
    last_t_ms: Milliseconds
    peak_score: float
    state: Literal["open", "confirmed", "retracted", "closed"]


MESSAGES: Final[dict[str, type[Message]]] = {
    "source/1": Source,
    "source-request/1": SourceRequest,
    "source-status/1": SourceStatus,
    "chunk/1": Chunk,
    "chunk-status/1": ChunkStatus,
    "space/1": Space,
    "recut/1": Recut,
    "index-event/1": IndexEvent,
    "probe/1": Probe,
    "alert/1": Alert,
}
SCHEMA_OF: Final[dict[type[Message], str]] = {struct: name for name, struct in MESSAGES.items()}

M = TypeVar("M", bound=Message)


def encode(message: Message) -> bytes:
    """Return the record value of a JSON message."""
    return orjson.dumps(msgspec.to_builtins(message))


def decode(value: bytes | None, struct: type[M]) -> M:
    """Return the message in a record value, or raise `InvalidMessage` that names the field at fault."""
    if value is None:
        raise InvalidMessage(f"empty value: expected JSON {SCHEMA_OF[struct]}")
    try:
        return msgspec.convert(orjson.loads(value), struct)
    except (orjson.JSONDecodeError, msgspec.ValidationError) as error:
        raise InvalidMessage(f"not a {SCHEMA_OF[struct]}: {error}") from None
