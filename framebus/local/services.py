"""The services of the local stack, as data: what to run, with which settings, on which port."""

import http.client
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from framebus.local.children import Program


@dataclass(frozen=True)
class Service:
    """One process: the module of its production entry point, the variable that takes its port, settings of its own."""

    name: str
    module: str
    port_setting: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def program(self, port: int, environment: Mapping[str, str], logs: Path) -> Program:
        """Return the service's production entry point with these settings."""
        return Program(
            name=self.name,
            command=(sys.executable, "-m", self.module),
            environment={**environment, **self.environment, self.port_setting: str(port)},
            log=logs / f"{self.name}.log",
            is_ready=lambda: is_ready(port),
            ready_seconds=120.0,
        )


SERVICES: Final = (
    Service("decoder", "services.decoder", "FRAMEBUS_DECODER_PORT"),
    Service("embedder", "services.embedder", "FRAMEBUS_EMBEDDER_PORT"),
    Service("indexer-live", "services.indexer", "FRAMEBUS_INDEXER_PORT", {"FRAMEBUS_INDEXER_LANE": "live"}),
    Service("indexer-bulk", "services.indexer", "FRAMEBUS_INDEXER_PORT", {"FRAMEBUS_INDEXER_LANE": "bulk"}),
    Service("query", "services.query", "FRAMEBUS_QUERY_PORT"),
)
PAGE: Final = "query"
"""The service whose port is the stack's address."""


def is_ready(port: int) -> bool:
    """Return whether `/readyz` on this port of the loopback interface answers 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
