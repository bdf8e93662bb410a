"""The demonstration's searches: what is asked, and where the answer is (None: no clip shows it)."""

from typing import Any

QUERIES: tuple[dict[str, Any], ...] = (
    {"text": "a red car", "expect": {"source_id": "street", "within_ms": [5000, 10000]}},
    {"text": "a brown dog running on grass", "expect": {"source_id": "meadow", "within_ms": [4000, 10000]}},
    {"text": "a person walking at night", "expect": {"source_id": "night-street", "within_ms": [4000, 13000]}},
    {"text": "green bottles on a conveyor belt", "expect": {"source_id": "conveyor", "within_ms": [1000, 9000]}},
    {
        "image_from": {"file": "people-one-by-one.mp4", "t_ms": 9000},
        "expect": {"source_id": "people-one-by-one", "within_ms": [4000, 16000]},
    },
    {"text": "a plate of spaghetti", "expect": None},
)
