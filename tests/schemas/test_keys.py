"""Keys of messages: what a state topic is compacted by is what its readers look for."""

from pathlib import Path

import pytest

from schemas import messages
from schemas.errors import InvalidMessage
from schemas.keys import check_key, key_of
from schemas.messages import MESSAGES, Message, decode
from schemas.publish import file_name
from schemas.topics import CHUNK_STATUS, CHUNKS, PRIMARY, RECUT, SOURCES, Topic

EXAMPLES = Path(messages.__file__).parent / "examples"
STATE = [topic for topic in PRIMARY if topic.policy == "compact"]


def example(topic: Topic) -> Message:
    return decode((EXAMPLES / f"{file_name(topic.schema)}.json").read_bytes(), MESSAGES[topic.schema])


def test_a_key_is_made_of_what_the_table_of_topics_names() -> None:
    assert key_of(SOURCES, example(SOURCES)) == "dock-4f1c2a9b"
    assert key_of(CHUNK_STATUS, example(CHUNK_STATUS)) == "pico-1@3fa9c1d2/dock-4f1c2a9b/2/c1"
    assert key_of(CHUNKS, example(CHUNKS)) == "dock-4f1c2a9b/2/c1"
    assert key_of(RECUT, example(RECUT)) is None


@pytest.mark.parametrize("topic", STATE, ids=lambda topic: topic.name)
def test_every_state_topic_has_keys_that_follow_from_its_messages(topic: Topic) -> None:
    check_key(topic, key_of(topic, example(topic)) or "", example(topic))
    for wrong in ("", "another", "dock-4f1c2a9b\n"):
        with pytest.raises(InvalidMessage, match=f"of {topic.name}: expected its {topic.key}"):
            check_key(topic, wrong, example(topic))
