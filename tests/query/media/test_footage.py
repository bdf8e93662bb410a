"""What is said where nothing was recorded, whatever was asked for."""

from pathlib import Path

import pytest

from schemas.messages import Life, Source
from services.query.media.footage import nothing_recorded

CAMERA = Source(source_id="cam-1", kind="camera", life=1, lives=(Life(life=1, began_ms=0),), url="rtsp://cam/1", sample_fps=1.0)


@pytest.mark.parametrize(
    ("start_ms", "said"),
    [
        (1_763_625_600_000, "2025-11-20T08:00:00.000Z to 2025-11-20T08:00:01.000Z (start_ms 1763625600000, "),
        (2**53, "start_ms 9007199254740992, "),
        (10**30, "start_ms 1000000000000000000000000000000, "),
    ],
)
def test_a_span_is_told_even_where_no_calendar_has_it(tmp_path: Path, start_ms: int, said: str) -> None:
    problem = nothing_recorded(tmp_path, CAMERA, start_ms, start_ms + 1_000)
    assert problem.status == 404
    assert f"nothing is recorded of {said}end_ms {start_ms + 1_000}" in str(problem.detail)
