"""The key of a message: state topics keep the newest message of each, and readers find it by what the message itself says."""

from schemas.errors import InvalidMessage
from schemas.messages import Message
from schemas.topics import Topic


def key_of(topic: Topic, message: Message) -> str | None:
    """Return the key that a message has in its topic; None where it does not follow from the message."""
    parts = [getattr(message, field, None) for field in topic.key.split("/")]
    return None if None in parts else "/".join(map(str, parts))


def check_key(topic: Topic, key: str, message: Message) -> None:
    """Raise `InvalidMessage` for a key under which nobody would look for the message."""
    expected = key_of(topic, message)
    if expected not in (None, key):
        raise InvalidMessage(f"key {key[:120]!r} of a message of {topic.name}: expected its {topic.key}, {expected!r}")
