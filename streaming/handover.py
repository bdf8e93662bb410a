"""One consumer group goes on where another has stopped."""

from collections.abc import Iterable, Mapping
from typing import Final

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from schemas.topics import TOPICS
from streaming.clients import admin_settings, reader_settings
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
        own = _placed(_committed(bootstrap, topic, group), firsts)
        begin = {number: min(own[number], place, key=_offset) for number, place in _placed(left, firsts).items()}
        _put(admin, group, list(begin.values()))
        admin.delete_consumer_groups([left_by], request_timeout=TIMEOUT_SECONDS)[left_by].result(TIMEOUT_SECONDS)
    except (KafkaException, TimeoutError) as error:  # a future that is waited for in vain has an error of its own
        if isinstance(error, KafkaException) and error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return True  # another one has forgotten it a moment ago
        reason = (
            f"group {group} cannot go on where {left_by} has stopped: {error}; it can once Kafka answers and it has no members"
        )
        raise Unavailable(reason) from error
    log.info("taken over", group=group, left_by=left_by)
    return True


def _placed(commits: Iterable[TopicPartition], firsts: Mapping[Partition, int]) -> dict[int, TopicPartition]:
    """Return where a group is in each partition, with what its commit says."""
    return {
        one.partition: one
        if one.offset >= 0
        else TopicPartition(one.topic, one.partition, firsts[Partition(one.topic, one.partition)])
        for one in commits
    }


def _offset(place: TopicPartition) -> int:
    return int(place.offset)


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
