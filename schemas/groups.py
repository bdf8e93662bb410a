"""Names of consumer groups. Those of embedder and indexer carry the space: two models never share offsets."""

from typing import Final, Literal

Lane = Literal["live", "bulk"]

DECODER_OWNERSHIP: Final = "framebus-decoder"
DECODER_CHUNKS: Final = "framebus-decoder-chunks"
QUERY_REQUESTS: Final = "framebus-query"


def embedder_group(lane: Lane, space: str) -> str:
    """Return the group that embeds a lane in a space."""
    return f"framebus-embedder-{lane}-{space}"


def rebuild_group(lane: Lane, collection: str) -> str:
    """Return the group that fills a collection again; the indexers of the lane take over from it."""
    return f"framebus-rebuild-{lane}-{collection}"


def indexer_group(lane: Lane, space: str) -> str:
    """Return the group that indexes a lane in a space."""
    return f"framebus-indexer-{lane}-{space}"
