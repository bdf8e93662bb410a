"""Rebuilds that run while everything is killed, the first one too: one that ends otherwise than well is begun again."""

import sys
import time
from collections.abc import Mapping
from contextlib import closing
from math import inf
from pathlib import Path
from typing import Final, get_args

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from pymilvus import MilvusClient

from framebus.local.children import Child, Program
from schemas.collection import ALIAS
from schemas.groups import Lane, rebuild_group
from streaming.clients import admin_settings

FIRST_SECONDS: Final = 15.0
AGAIN_SECONDS: Final = 2.0
CREATED: Final = "collection created"
"""What a rebuild says when it has a collection."""
KILLED_AFTER_SECONDS: Final = 2.0
"""So long after that it is killed: by then it fills it."""
ANSWER_SECONDS: Final = 10.0


class Rebuilds:
    """So many, one after the other; `turn` is called again and again.

    Attributes:
        done: how many have given their collection the alias.
        broken_off: how many tries have ended otherwise.
    """

    def __init__(self, environment: Mapping[str, str], logs: Path, kafka: str, milvus: str, times: int) -> None:
        command = (sys.executable, "-m", "services.indexer.rebuild")
        self._child = Child(Program("rebuild", command, environment, logs / "rebuild.log", is_ready=lambda: True))
        self._kafka, self._milvus, self._times = kafka, milvus, times
        self._due_at = time.monotonic() + FIRST_SECONDS
        self._is_first, self._kill_at = True, inf
        self._runs = False
        self.done = self.broken_off = 0

    def turn(self) -> None:
        """Begin one that is due, kill the first try while it fills, see how one has ended."""
        if self._runs and not self._child.is_running():
            self._runs = self._is_first = False
            self.done += self._child.exit_status() == 0
            self.broken_off += self._child.exit_status() != 0
            self._due_at = time.monotonic() + AGAIN_SECONDS
        elif self._runs and self._is_first:
            self._kill_when_it_fills()
        if not self._runs and self.done < self._times and time.monotonic() >= self._due_at:
            self._child.spawn()
            self._runs = True

    def unfinished(self) -> list[str]:
        """Return what is not done yet: rebuilds, and the indexers' part of the last one."""
        if self.done < self._times:
            return [f"{self._times - self.done} rebuilds are to be done"]
        try:
            return [f"no indexer of the {lane} lane has gone on where the rebuild ended" for lane in self._left_by()]
        except KafkaException as error:
            return [str(error)]

    def close(self) -> None:
        """End the one that runs."""
        if self._child.is_running():
            self._child.kill()

    def _kill_when_it_fills(self) -> None:
        if time.monotonic() >= self._kill_at:
            self._child.kill()
        elif self._kill_at == inf and CREATED in self._child.program.log.read_text(errors="replace"):
            self._kill_at = time.monotonic() + KILLED_AFTER_SECONDS

    def _left_by(self) -> list[Lane]:
        """Return the lanes whose group of the last rebuild is still there: who takes over forgets it."""
        if not self._times:
            return []
        with closing(MilvusClient(self._milvus, timeout=ANSWER_SECONDS)) as milvus:
            collection = milvus.describe_collection(ALIAS)["collection_name"]
        admin = AdminClient(admin_settings(self._kafka))
        groups = {group.group_id for group in admin.list_consumer_groups(request_timeout=ANSWER_SECONDS).result().valid}
        return [lane for lane in get_args(Lane) if rebuild_group(lane, collection) in groups]
