"""Every metric of `streaming`, as a typed list; a service adds its own list in its own file."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(frozen=True)
class Metric:
    """One metric: its name with the unit as suffix, its labels, and a sentence for the person who reads it."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    sentence: str
    labels: tuple[str, ...] = ()


RECORDS: Final = Metric("framebus_records_total", "counter", "Records read.", ("topic",))
SENT: Final = Metric("framebus_sent_total", "counter", "Records handed to Kafka.", ("topic",))
UNREAD: Final = Metric("framebus_unread_records", "gauge", "End of log less the last record processed.", ("topic",))
HELD: Final = Metric("framebus_held_records", "gauge", "Records processed whose commit a window still holds.", ("topic",))
REJECTED: Final = Metric("framebus_rejected_total", "counter", "Invalid records.", ("topic",))
REJECTED_UNKEPT: Final = Metric(
    "framebus_rejected_unkept_total", "counter", "Invalid records beyond their source's share of the dead letters.", ("topic",)
)
LOST: Final = Metric(
    "framebus_lost_records_total", "counter",
    "Records that left the log before this group read them; of a log that lost its end, those it is known to have had.",
    ("topic",),
)  # fmt: skip
UNAVAILABLE: Final = Metric("framebus_unavailable_total", "counter", "Times that a dependency did not answer.")
COMMIT_SECONDS: Final = Metric("framebus_commit_seconds", "histogram", "Settle and flush, which come before a commit is sent.")
REBALANCES: Final = Metric("framebus_rebalances_total", "counter", "Partitions given or taken.", ("change",))

METRICS: Final = (RECORDS, SENT, UNREAD, HELD, REJECTED, REJECTED_UNKEPT, LOST, UNAVAILABLE, COMMIT_SECONDS, REBALANCES)


class Metrics:
    """The metrics of one process, in a registry of its own."""

    def __init__(self, extra: Sequence[Metric] = ()) -> None:
        self.registry = CollectorRegistry()
        self._made = {metric.name: self._make(metric) for metric in (*METRICS, *extra)}

    def of(self, metric: Metric) -> Any:
        """Return the Prometheus object of `metric`, a `Counter`, `Gauge` or `Histogram`."""
        return self._made[metric.name]

    def text(self) -> bytes:
        """Return the Prometheus exposition."""
        return generate_latest(self.registry)

    def _make(self, metric: Metric) -> Counter | Gauge | Histogram:
        if metric.kind == "histogram":
            return Histogram(metric.name, metric.sentence, metric.labels, registry=self.registry, buckets=SECONDS)
        made = Counter if metric.kind == "counter" else Gauge
        return made(metric.name, metric.sentence, metric.labels, registry=self.registry)
