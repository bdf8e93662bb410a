"""One consumer group takes over from another."""

from collections.abc import Iterable
from typing import Final

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from schemas.topics import TOPICS
from streaming.clients import admin_settings, reader_settings
from streaming.commits import begun_of, commit_metadata, note_of, processed_offset
from streaming.errors import Unavailable
from streaming.logs import get_logger
from streaming.records import Partition
from streaming.topic_log import checked

TIMEOUT_SECONDS: Final = 10.0
log = get_logger("handover")


def take_over(bootstrap: str, topic: str, group: str, left_by: str) -> bool:
    """Put `group` back to where `left_by` has stopped, and forget that group; False where it has left nothing.

    It never goes forward: of what `left_by` alone has read nothing was said yet. Who never committed is at the log's beginning.
    Several may do so at once: it is the same place. Raises `Unavailable` while Kafka does not answer, and while `group` has
    members, which must leave it first.
    """
    admin = AdminClient(admin_settings(bootstrap))
    try:
        left = _committed(bootstrap, topic, left_by)
        if all(place.offset < 0 for place in left):
            return False
        firsts = _offsets(admin, topic, OffsetSpec.earliest())
        own = {place.partition: place for place in _committed(bootstrap, topic, group)}
        _put(admin, group, [back(own[one.partition], one, firsts[Partition(topic, one.partition)]) for one in left])
        admin.delete_consumer_groups([left_by], request_timeout=TIMEOUT_SECONDS)[left_by].result(TIMEOUT_SECONDS)
    except (KafkaException, TimeoutError) as error:  # a future that is waited for in vain has an error of its own
        if isinstance(error, KafkaException) and error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return True  # another one has forgotten it a moment ago
        reason = f"group {group} cannot take over from {left_by}: {error}; it can once Kafka answers and it has no members"
        raise Unavailable(reason) from error
    log.info("taken over", group=group, left_by=left_by)
    return True


def back(own: TopicPartition, left: TopicPartition, first: int) -> TopicPartition:
    """Return where a group begins that was at `own` and takes over at `left`; `first` is the oldest record of the log. Pure.

    New to all is what is new to either: what only `own` has processed went elsewhere, what only `left` has nobody was told of.
    Where the log has lost all that `own` had processed, `left` alone knows what it goes on with.
    """
    own_at, left_at = (place.offset if place.offset >= 0 else first for place in (own, left))
    by_own, by_left = processed_offset(own.offset, own.metadata), processed_offset(left_at, left.metadata)
    assert by_left is not None, "left_at is a place"
    processed = by_left if by_own is None or by_own < first else min(by_left, by_own)
    note = note_of(own.metadata if own_at < left_at else left.metadata)
    begun = sorted(begun_of(own.metadata) | begun_of(left.metadata))
    return TopicPartition(left.topic, left.partition, min(own_at, left_at), commit_metadata(processed, note, begun))


def _put(admin: AdminClient, group: str, places: list[TopicPartition]) -> None:
    request = ConsumerGroupTopicPartitions(group, places)
    altered = admin.alter_consumer_group_offsets([request], request_timeout=TIMEOUT_SECONDS)[group].result(TIMEOUT_SECONDS)
    for place in altered.topic_partitions or ():
        if place.error is not None:
            raise KafkaException(place.error)


def ends_of(bootstrap: str, topics: Iterable[str]) -> dict[Partition, int]:
    """Return the end of every partition of some topics; raises `Unavailable`."""
    admin = AdminClient(admin_settings(bootstrap))
    try:
        return {place: end for topic in topics for place, end in _offsets(admin, topic, OffsetSpec.latest()).items()}
    except (KafkaException, TimeoutError) as error:
        raise Unavailable(f"Kafka at {bootstrap} does not tell the ends of topics: {error}") from error


def _offsets(admin: AdminClient, topic: str, spec: OffsetSpec) -> dict[Partition, int]:
    places = [TopicPartition(topic, number) for number in range(TOPICS[topic].partitions)]
    futures = admin.list_offsets(dict.fromkeys(places, spec), request_timeout=TIMEOUT_SECONDS)
    return {Partition(topic, place.partition): futures[place].result(TIMEOUT_SECONDS).offset for place in places}


def _committed(bootstrap: str, topic: str, group: str) -> list[TopicPartition]:
    consumer = Consumer(reader_settings(bootstrap, "handover", group))
    try:
        places = [TopicPartition(topic, number) for number in range(TOPICS[topic].partitions)]
        return checked(consumer.committed(places, timeout=TIMEOUT_SECONDS))
    finally:
        consumer.close()
