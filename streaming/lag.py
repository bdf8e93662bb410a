"""What Kafka says of the stack for people: its brokers, what topics hold, how far groups are behind."""

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ClusterMetadata, OffsetSpec

from streaming.clients import admin_settings
from streaming.commits import processed_offset
from streaming.errors import Unavailable

TIMEOUT_SECONDS: Final = 3.0

Offsets = Mapping[TopicPartition, int]


@dataclass(frozen=True)
class Reading:
    """A topic that a consumer group works through."""

    topic: str
    group: str


class Lag:
    """One admin connection for the questions of one look; each raises `Unavailable` when Kafka does not answer in time.

    Made anew for every look: the coordinators and leaders that an admin client has learnt are wrong once a broker was restarted.
    """

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._admin = AdminClient(admin_settings(bootstrap))

    def brokers(self) -> list[str]:
        """Return `host:port` of every broker that is in the cluster now."""
        return sorted(f"{broker.host}:{broker.port}" for broker in self._cluster().brokers.values())

    def held(self, topics: Iterable[str]) -> dict[str, int]:
        """Return how many records each topic holds: those that retention has not taken yet."""
        names = list(topics)
        places = self._places(names)
        starts, ends = self._offsets(places, OffsetSpec.earliest()), self._offsets(places, OffsetSpec.latest())
        held = dict.fromkeys(names, 0)
        for place in places:
            held[place.topic] += ends[place] - starts[place]
        return held

    def unread(self, readings: Iterable[Reading]) -> dict[Reading, int]:
        """Return how many records of each topic its group has not processed; all of them for a group that never committed."""
        wanted = list(readings)
        places = self._places({reading.topic for reading in wanted})
        starts, ends = self._offsets(places, OffsetSpec.earliest()), self._offsets(places, OffsetSpec.latest())
        # Asked one by one, every answer would be waited for alone: the broker takes one group a request.
        asked = {one: self._ask(one.group, [place for place in places if place.topic == one.topic]) for one in wanted}
        return {reading: _behind(self._answer(future), starts, ends) for reading, future in asked.items()}

    def _cluster(self) -> ClusterMetadata:
        try:
            return self._admin.list_topics(timeout=TIMEOUT_SECONDS)
        except KafkaException as error:
            raise self._unavailable(error) from error

    def _places(self, names: Iterable[str]) -> list[TopicPartition]:
        """Return the partitions of topics; a topic that is not there has none."""
        topics = self._cluster().topics
        return [TopicPartition(name, number) for name in names if name in topics for number in topics[name].partitions]

    def _offsets(self, places: list[TopicPartition], spec: OffsetSpec) -> Offsets:
        try:
            futures = self._admin.list_offsets(dict.fromkeys(places, spec), request_timeout=TIMEOUT_SECONDS)
            return {place: future.result(TIMEOUT_SECONDS).offset for place, future in futures.items()}
        except (KafkaException, TimeoutError) as error:
            raise self._unavailable(error) from error

    def _ask(self, group: str, places: list[TopicPartition]) -> Future[ConsumerGroupTopicPartitions]:
        request = ConsumerGroupTopicPartitions(group, places)
        return self._admin.list_consumer_group_offsets([request], request_timeout=TIMEOUT_SECONDS)[group]

    def _answer(self, future: Future[ConsumerGroupTopicPartitions]) -> list[TopicPartition]:
        try:
            return list(future.result(TIMEOUT_SECONDS).topic_partitions or ())
        except (KafkaException, TimeoutError) as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: Exception) -> Unavailable:
        return Unavailable(f"Kafka at {self._bootstrap} does not answer: {error}")


def _behind(committed: list[TopicPartition], starts: Offsets, ends: Offsets) -> int:
    behind = 0
    for commit in committed:
        place = TopicPartition(commit.topic, commit.partition)
        processed = processed_offset(commit.offset, commit.metadata)
        # The ends were asked for first: what was written and processed since then is not less than nothing.
        behind += max(0, ends[place] - max(starts[place], starts[place] if processed is None else processed))
    return behind
