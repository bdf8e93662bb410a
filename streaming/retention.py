"""Whether a topic keeps what may lie unread in it: how long it keeps records is the broker's setting and not ours."""

from dataclasses import dataclass
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from schemas.topics import HOUR_MS, OF_THE_SENDER, TIMES
from streaming.clients import admin_settings
from streaming.errors import Unavailable
from streaming.logs import get_logger

TIMEOUT_SECONDS: Final = 5.0
LEAST_MS: Final = HOUR_MS
"""A reader that is being mended may be away for so long."""
log = get_logger("retention")


@dataclass(frozen=True)
class Kept:
    """What a topic keeps: for how long, and how much of each partition; None where there is no bound. `times`: whose they are."""

    milliseconds: int | None = None
    partition_bytes: int | None = None
    times: str = OF_THE_SENDER


@dataclass(frozen=True)
class Unread:
    """What may lie unread in a topic, all of it in one partition: a bound on records, which `setting` names, and their size."""

    records: int
    record_bytes: int
    setting: str


NOTHING: Final = Unread(0, 0, "")
"""Of a topic whose readers never wait, the time alone counts."""


def complaints(topic: str, kept: Kept, unread: Unread) -> list[str]:
    """Return what is wrong with what a topic keeps; nothing as long as a reader that lives loses nothing."""
    wrong = []
    if kept.milliseconds is not None and kept.milliseconds < LEAST_MS:
        wrong.append(
            f"{topic} keeps records for {kept.milliseconds} ms (retention.ms): a reader that is away for longer loses them; "
            f"at least {LEAST_MS} are meant"
        )
    if kept.times != OF_THE_SENDER:
        wrong.append(
            f"{topic} puts the broker's time in place of the sender's ({TIMES}={kept.times}): what is sent again after a crash "
            f"is then not known as a repeat; set it to {OF_THE_SENDER}"
        )
    needed_bytes = unread.records * unread.record_bytes
    if kept.partition_bytes is not None and kept.partition_bytes < needed_bytes:
        wrong.append(
            f"{topic} keeps {kept.partition_bytes} bytes of a partition (retention.bytes), and {unread.records} records of some "
            f"{unread.record_bytes} bytes may lie there unread: what does not fit is lost before it is read; "
            f"set it to {needed_bytes} or more, or lower {unread.setting}"
        )
    return wrong


def warn(bootstrap: str, topic: str, unread: Unread) -> None:
    """Log what is wrong; where Kafka does not say what it keeps, that."""
    try:
        wrong = complaints(topic, kept(bootstrap, topic), unread)
    except Unavailable as error:
        wrong = [str(error)]
    for reason in wrong:
        log.warning("retention", topic=topic, reason=reason)


def kept(bootstrap: str, topic: str) -> Kept:
    """Return what a topic keeps; raises `Unavailable`."""
    resource, admin = ConfigResource(ResourceType.TOPIC, topic), AdminClient(admin_settings(bootstrap))
    try:
        said = admin.describe_configs([resource], request_timeout=TIMEOUT_SECONDS)[resource].result(TIMEOUT_SECONDS)
    except (KafkaException, TimeoutError) as error:
        raise Unavailable(f"Kafka at {bootstrap} does not say what {topic} keeps: {error}") from error
    milliseconds, partition_bytes = (_bound(said[name].value) for name in ("retention.ms", "retention.bytes"))
    times = said[TIMES].value if TIMES in said else OF_THE_SENDER
    return Kept(milliseconds, partition_bytes, times)


def _bound(value: str | None) -> int | None:
    return int(value) if value is not None and int(value) >= 0 else None
