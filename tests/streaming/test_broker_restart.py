"""A broker of its own that is killed and comes back: the backlog is known again."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from framebus.local.errors import StackError
from framebus.local.jars import ensure_jars
from framebus.local.kafka import KafkaServer
from framebus.local.places import tools_folder
from schemas.topics import CHUNKS
from streaming.admin import create_topics
from streaming.backlog import Backlog
from streaming.errors import Unavailable
from tests.servers import absent

RECOVERY_SECONDS = 30.0


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[KafkaServer]:
    try:
        server = KafkaServer(tmp_path, ensure_jars(tools_folder()))
        server.start()
    except StackError as error:
        absent(str(error))
    yield server
    server.stop()


def answered(ask: Callable[[], int]) -> int:
    """Return the first answer within the time that recovery may take."""
    deadline = time.monotonic() + RECOVERY_SECONDS
    while True:
        try:
            return ask()
        except Unavailable:
            assert time.monotonic() < deadline, "no answer from a broker that has been back for long"
            time.sleep(0.1)


def test_a_backlog_is_known_again_after_the_broker_was_killed(broker: KafkaServer) -> None:
    """The leaders' epochs are higher then, and an admin client that asks with the old ones is refused for ever."""
    create_topics(broker.address, [CHUNKS])
    backlog = Backlog(broker.address, CHUNKS.name, ["readers"], refresh_seconds=0)
    assert answered(backlog.unread) == 0

    broker.child.kill()
    broker.start()
    assert answered(backlog.unread) == 0
    backlog.close()
