"""A real Kafka broker in one Java process: broker and controller, on loopback, under one folder."""

import base64
import os
import socket
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from framebus.local.children import Child, Program
from framebus.local.errors import StackError
from framebus.local.jars import java
from framebus.local.last_words import last_words
from framebus.local.places import CHECKOUT, recorded_ports

LOGGING: Final = CHECKOUT / "deploy" / "local" / "kafka" / "log4j2.properties"
# The heap is a third of what the process takes: class data, code, thread stacks and socket buffers come on top.
# It has from the start what an hour of ten cameras would grow it to (50 MB live after a full collection, of which it keeps two
# fifths free beside the young generation), touched: so memory that grows says something. Above it is room for more.
# Without the optimising compiler the broker starts in two thirds of the time, and at our rates it needs half the CPU.
JVM: Final = (
    "-Xms160m", "-Xmx256m", "-XX:+AlwaysPreTouch", "-Xss512k", "-XX:MaxDirectMemorySize=64m", "-XX:ReservedCodeCacheSize=64m",
    "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
)  # fmt: skip
MEMORY: Final = {"MALLOC_ARENA_MAX": "2"}
"""What the compiler and eighty threads have freed stays in arenas: two minutes of heavy load added 0.7 MB so, 2.0 otherwise."""


@dataclass(frozen=True)
class GroupTimeouts:
    """When a silent consumer loses its partitions; the broker decides for groups of the KIP-848 protocol."""

    session_seconds: float = 10.0
    heartbeat_seconds: float = 2.0
    shortest_session_seconds: float = 3.0


def server_properties(broker: int, controller: int, logs: Path, timeouts: GroupTimeouts) -> str:
    """Return the broker's settings: one node, one replica, no port beyond loopback, no topic made by accident."""
    milliseconds = {name: round(getattr(timeouts, name) * 1000) for name in timeouts.__dataclass_fields__}
    settings: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "listeners": f"PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{broker}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "log.dirs": logs,
        # How long a broker that was killed keeps its own successor out (the default is 9 s).
        "broker.session.timeout.ms": 2000,
        "broker.heartbeat.interval.ms": 500,
        "auto.create.topics.enable": "false",
        "num.network.threads": 2,
        "num.io.threads": 2,
        "background.threads": 2,
        "num.recovery.threads.per.data.dir": 2,
        "default.replication.factor": 1,
        "min.insync.replicas": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        # How long the place of readers that are away is kept (the default is a week): longer than any record of a topic.
        "offsets.retention.minutes": 60 * 24 * 60,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        "log.segment.bytes": 64 * 1024 * 1024,
        "log.cleaner.threads": 1,
        "log.cleaner.dedupe.buffer.size": 2 * 1024 * 1024,
        "log.cleaner.io.buffer.size": 64 * 1024,
        "message.max.bytes": 1024 * 1024,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": milliseconds["shortest_session_seconds"],
        "group.consumer.min.session.timeout.ms": milliseconds["shortest_session_seconds"],
        "group.consumer.session.timeout.ms": milliseconds["session_seconds"],
        "group.consumer.min.heartbeat.interval.ms": min(500, milliseconds["heartbeat_seconds"]),
        "group.consumer.heartbeat.interval.ms": milliseconds["heartbeat_seconds"],
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


class KafkaServer:
    """A broker whose topics, groups and port live in `home`: it may be killed and started again on it.

    Attributes:
        address: the bootstrap address, fixed for this object.
        child: the broker's process.
    """

    def __init__(
        self,
        home: Path,
        jars: Path,
        timeouts: GroupTimeouts | None = None,
        log: Path | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> None:
        """Choose the ports (those of the last start, when they are still free) and write the settings, and its own `settings`.

        Raises:
            StackError: Java is missing or too old.
        """
        home = home.absolute()
        self._classes = f"{jars}/*"
        self._log = log or home / "logs" / "kafka.log"
        self._settings = home / "server.properties"
        self._data = home / "data"
        home.mkdir(parents=True, exist_ok=True)
        ports = recorded_ports(home / "ports.json", ("broker", "controller"))
        self.address = f"127.0.0.1:{ports['broker']}"
        usual = server_properties(ports["broker"], ports["controller"], self._data, timeouts or GroupTimeouts())
        own = "".join(f"{name}={value}\n" for name, value in (settings or {}).items())
        self._settings.write_text(usual + own)
        self.child = Child(
            Program(
                name="kafka",
                command=self._java("kafka.Kafka", str(self._settings)),
                environment={**os.environ, **MEMORY},
                log=self._log,
                prepare=self._format_if_new,
                is_ready=lambda: answers(self.address),
            )
        )

    def start(self) -> None:
        """Start the broker and wait until it answers.

        Raises:
            StackError: it ended or did not answer in time.
        """
        self.child.start()

    def stop(self) -> None:
        """Stop the broker, in order; killed when it takes too long."""
        self.child.stop()

    def _java(self, *arguments: str) -> tuple[str, ...]:
        return (
            java(),
            *JVM,
            f"-Dlog4j2.configurationFile=file:{LOGGING}",
            "-Djava.net.preferIPv4Stack=true",
            "-cp",
            self._classes,
            *arguments,
        )

    def _format_if_new(self) -> None:
        if (self._data / "meta.properties").exists():
            return
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        words = ("kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "--config", str(self._settings))
        with self._log.open("ab") as output:
            done = subprocess.run(self._java(*words), stdout=output, stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            raise StackError(
                f"Kafka's storage in {self._data} could not be formatted: {last_words(self._log)} (log: {self._log})"
            )


def answers(address: str) -> bool:
    """Return whether a broker answers a metadata request at `address` (host:port)."""
    host, port = address.rsplit(":", 1)
    try:
        # A refused connection is cheap to see here; librdkafka would wait and write to the terminal.
        socket.create_connection((host, int(port)), timeout=1).close()
        return bool(AdminClient({"bootstrap.servers": address, "log_level": 0}).list_topics(timeout=1).brokers)
    except (OSError, KafkaException):
        return False
