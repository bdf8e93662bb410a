"""The demonstration's searches: what is asked, and where the answer is (None: no clip shows it).

Chosen with the finished model among texts that were tried; pico-1's CARD.md says what the others gave.
"""

from typing import Any

QUERIES: tuple[dict[str, Any], ...] = (
    {"text": "a red umbrella on a beach", "expect": {"source_id": "camera", "within_ms": [0, 15000]}},
    {"text": "a red car", "expect": {"source_id": "street", "within_ms": [5000, 10000]}},
    {"text": "a yellow bus", "expect": {"source_id": "street", "within_ms": [12000, 17000]}},
    {"text": "a person in yellow at night", "expect": {"source_id": "night-street", "within_ms": [4000, 13000]}},
    {"text": "a horse in the snow", "expect": {"source_id": "snow", "within_ms": [3000, 11000]}},
    {"text": "a brown box on a conveyor belt", "expect": {"source_id": "conveyor", "within_ms": [10000, 16000]}},
    {
        "image_from": {"file": "people-one-by-one.mp4", "t_ms": 9000},
        "expect": {"source_id": "people-one-by-one", "within_ms": [4000, 16000]},
    },
    {"text": "a plate of spaghetti", "expect": None},
)

RANKING = "a person walking"
"""A text that both files and the camera answer."""
