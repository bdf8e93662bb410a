"""Stretches of a recording: cut anywhere, they give every row that the camera's samples have given, and the same."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from schemas.identity import recut_stream
from schemas.messages import Chunk
from schemas.recordings import JournalLine, Segment, life_folder
from services.decoder.cameras.spans import Noted
from services.decoder.cameras.stretch import order_of, stretch
from services.indexer.core.settings import Smoothing
from tests.decoder.cameras.test_spans import BEGIN_MS, rows, unit

SECONDS = 400
FIRST_RUN_SECONDS = 250
UNSENT = range(100, 130)


@pytest.fixture
def noted(tmp_path: Path) -> list[Noted]:
    """Two runs of a camera; of the first Kafka never took half a minute."""
    made = []
    for second in range(SECONDS):
        run = 1 if second < FIRST_RUN_SECONDS else 2
        begin = second // 60 * 60 if run == 1 else FIRST_RUN_SECONDS + (second - FIRST_RUN_SECONDS) // 60 * 60
        offset = -1 if second in UNSENT else second
        made.append(Noted(segment_at(begin, run), JournalLine(BEGIN_MS + 1000 * second, run, 0, 0, 5, offset)))
    for segment in {one.segment for one in made}:
        film = film_of(tmp_path, segment)
        film.parent.mkdir(parents=True, exist_ok=True)
        film.touch()
        film.with_suffix(".samples").write_text("".join(one.line.text() for one in made if one.segment == segment))
    return made


def segment_at(second: int, run: int) -> Segment:
    return Segment(BEGIN_MS + 1000 * second, run)


def film_of(media: Path, segment: Segment) -> Path:
    return media / life_folder("captured-x", 3) / segment.day / segment.name


def asked(first: int, end: int) -> Chunk:
    start_ms, end_ms = BEGIN_MS + 1000 * first, BEGIN_MS + 1000 * end
    return Chunk(
        stream=recut_stream("captured-x", 3, start_ms), source_id="captured-x", life=3, index=0, url="", fingerprint="",
        sample_fps=1.0, start_ms=start_ms, end_ms=end_ms, read_from_ms=start_ms, read_until_ms=end_ms, run=7, rebuild=True,
    )  # fmt: skip


@pytest.mark.parametrize("cuts", [[0, SECONDS], [0, 60, 115, 249, 251, 390, SECONDS]])
@pytest.mark.parametrize("scene", [0.1, 3.0])
def test_rows_of_stretches_are_those_that_were_made(
    noted: list[Noted], tmp_path: Path, cuts: Sequence[int], scene: float
) -> None:
    rng, smoothing = np.random.default_rng(1), Smoothing(sigma_seconds=3.0)
    still = rng.normal(size=8)
    pictures = {one.line.t_ms: unit(still + scene * rng.normal(size=8)) for one in noted}
    taken = [one for one in noted if one.line.offset >= 0]
    of_first = [one for one in noted if one.line.run == 1]
    expected = {
        **{t_ms: row for t_ms, row in rows(smoothing, "x", of_first, pictures).items() if (t_ms - BEGIN_MS) // 1000 in UNSENT},
        **rows(smoothing, "x", [one for one in taken if one.line.run == 1], pictures),
        **rows(smoothing, "x", [one for one in taken if one.line.run == 2], pictures),
    }
    found: dict[int, np.ndarray] = {}
    for first, end in pairwise(cuts):
        whole = stretch(tmp_path, asked(first, end))
        assert whole.noted == end - first
        for span in whole.spans:
            made = rows(smoothing, f"captured-x/3/r{span.reach.first_ms}", span.samples, pictures, span.reach)
            assert not made.keys() & found.keys()
            found |= made
    assert found.keys() == expected.keys()
    for t_ms, row in found.items():
        np.testing.assert_allclose(row, expected[t_ms], atol=1e-6)


def test_what_is_recorded_no_more_is_counted(noted: list[Noted], tmp_path: Path) -> None:
    film_of(tmp_path, segment_at(60, 1)).unlink()
    whole = stretch(tmp_path, asked(50, 70))
    assert (whole.noted, sum(len(span.lost) for span in whole.spans)) == (20, 10)
    film_of(tmp_path, segment_at(60, 1)).with_suffix(".samples").unlink()
    assert stretch(tmp_path, asked(60, 70)).noted == 0


def test_what_kafka_never_took_and_is_recorded_no_more_is_not_missed(noted: list[Noted], tmp_path: Path) -> None:
    film_of(tmp_path, segment_at(60, 1)).unlink()
    whole = stretch(tmp_path, asked(90, 130))
    assert (whole.noted, sum(len(span.lost) for span in whole.spans)) == (20, 10), "it was no row, and what it has taken was"


def test_the_order_of_a_span_names_its_samples_and_nothing_beside_them_becomes_a_row(noted: list[Noted], tmp_path: Path) -> None:
    (span,) = stretch(tmp_path, asked(200, 210)).spans
    order = order_of(asked(200, 210), span)
    assert (order.start_ms, order.end_ms) == (BEGIN_MS + 200_000, BEGIN_MS + 209_001)
    assert sum(len(recorded.times_ms) for recorded in order.recorded) == len(span.samples) > 10
