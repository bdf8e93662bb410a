"""Every metric that only the indexer has."""

from typing import Final

from streaming.metrics import Metric

ROWS: Final = Metric("framebus_indexer_rows_total", "counter", "Final rows that Milvus has confirmed.")
PROVISIONAL_ROWS: Final = Metric(
    "framebus_indexer_provisional_rows_total",
    "counter",
    "Rows of samples that were not final yet, confirmed.",
)
PROVISIONAL_DROPPED: Final = Metric(
    "framebus_indexer_provisional_dropped_total", "counter", "Provisional rows given up because Milvus did not answer."
)
DROPPED: Final = Metric(
    "framebus_indexer_dropped_total",
    "counter",
    "Records left out: repeats, older runs, other spaces and lives, what a rebuild asked for.",
    ("reason",),
)
DIVIDED: Final = Metric(
    "framebus_indexer_divided_total", "counter", "Holes in seq and unknown vectors, which end a smoothing run.", ("reason",)
)
UPSERT_SECONDS: Final = Metric("framebus_indexer_upsert_seconds", "histogram", "One upsert, until Milvus has confirmed it.")
SEARCHABLE_SECONDS: Final = Metric(
    "framebus_indexer_searchable_seconds",
    "histogram",
    "From capture to the first confirmed row of a sample, provisional or final, of samples captured within the last hour.",
)
HELD_SECONDS: Final = Metric(
    "framebus_indexer_held_seconds", "gauge", "Age of the oldest record that a window holds: above an hour, nobody ended a run."
)
REQUESTED: Final = Metric("framebus_indexer_source_requests_total", "counter", "Unknown sources asked to be registered.")
READ_AGAIN: Final = Metric(
    "framebus_indexer_read_again_total",
    "counter",
    "Times that live records were missing, and all were read again from the commits.",
)
REMOVED_ROWS: Final = Metric("framebus_indexer_removed_rows_total", "counter", "Rows of lives that are over, deleted.")
SEALED: Final = Metric("framebus_indexer_sealed_total", "counter", "Times that gathered rows were sealed into an index.")

EXPIRED_ROWS: Final = Metric(
    "framebus_indexer_expired_rows_total",
    "counter",
    "Rows deleted by age: of cameras, and provisional ones.",
    ("why",),
)

METRICS: Final = (
    ROWS, PROVISIONAL_ROWS, PROVISIONAL_DROPPED, DROPPED, DIVIDED, UPSERT_SECONDS, SEARCHABLE_SECONDS, HELD_SECONDS, REQUESTED,
    READ_AGAIN, REMOVED_ROWS, SEALED, EXPIRED_ROWS,
)  # fmt: skip
