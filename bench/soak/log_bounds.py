"""Kafka's log kept short, so that an hour shows what a month does: what is written and what goes are level."""

from typing import Final

from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from schemas.topics import EMBEDDINGS_BULK, EMBEDDINGS_LIVE, FRAMES_BULK, FRAMES_LIVE, INDEX_EVENTS
from streaming.clients import admin_settings

SETTINGS: Final = {"retention.ms": 180_000, "segment.ms": 120_000}
BOUNDED: Final = (FRAMES_LIVE, FRAMES_BULK, EMBEDDINGS_LIVE, EMBEDDINGS_BULK, INDEX_EVENTS)
ANSWER_SECONDS: Final = 30.0


def bound_the_log(bootstrap: str) -> None:
    """Let the topics that carry pictures, vectors and events keep minutes instead of days; the broker looks every five."""
    changes = [
        ConfigEntry(name, str(value), incremental_operation=AlterConfigOpType.SET) for name, value in SETTINGS.items()
    ]  # fmt: skip
    topics = [ConfigResource(ResourceType.TOPIC, topic.name, incremental_configs=changes) for topic in BOUNDED]
    admin = AdminClient(admin_settings(bootstrap))
    for done in admin.incremental_alter_configs(topics).values():
        done.result(ANSWER_SECONDS)
