"""A camera's newest rows are found before they are final, and never twice."""

import asyncio
from collections.abc import Iterator

import msgspec
import numpy as np
import pytest

from schemas.identity import row_key
from services.query.curves import Rows, one_a_moment
from tests.query.app_under_test import UnderTest, close, make_app
from tests.query.corpus import file_source, make_corpus, row
from tests.query.test_search import colour_vectors
from tests.tiny_model import make_tiny_model

NOW_MS = 1_763_625_600_000
CAMERA = file_source("gate", kind="camera", url="rtsp://gate", sample_fps=1.0)


@pytest.fixture(scope="module")
def live(milvus: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UnderTest]:
    """A camera that shows white for half a minute and then three seconds of red, which are provisional.

    The first of these was green in its provisional row and has its final one beside it.
    """
    folder = tmp_path_factory.mktemp("live")
    under_test = make_app(make_tiny_model(folder / "model"), folder, milvus)
    corpus = make_corpus(milvus, under_test.services.encoder.space, under_test.services.encoder.dimension)
    under_test.services.store._alias = corpus.alias
    white, red, green = colour_vectors(under_test, ["white", "red", "green"])
    rows = [row(CAMERA, NOW_MS + second * 1000, white, NOW_MS + second * 1000) for second in range(30)]
    rows.append(row(CAMERA, NOW_MS + 30_000, red, NOW_MS + 30_000))
    for second, vector in ((30, green), (31, red), (32, red)):
        final = row(CAMERA, NOW_MS + second * 1000, vector, NOW_MS + second * 1000)
        key = row_key("gate", 1, "f", final.t_ms, provisional=True)
        rows.append(msgspec.structs.replace(final, id=key, provisional=True))
    corpus.write(rows)
    assert corpus.visible() == 34
    under_test.know([CAMERA])
    yield under_test
    corpus.drop()
    close(under_test)


def best(under_test: UnderTest, text: str, **filters: object) -> dict[str, object]:
    answer = asyncio.run(under_test.search({"text": text, "filters": filters}))
    return dict(answer["hits"][0])


def test_the_newest_seconds_are_found_and_a_provisional_row_whose_final_one_is_there_counts_for_nothing(live: UnderTest) -> None:
    hit = best(live, "red")
    assert (hit["start_ms"], hit["end_ms"]) == (NOW_MS + 29_500, NOW_MS + 32_500)
    assert hit["provisional"] == (hit["peak_ms"] != NOW_MS + 30_000)
    red, green = (float(str(best(live, text)["score"])) for text in ("red", "green"))
    assert green < red - 0.1


def test_a_hit_whose_peak_is_provisional_says_so(live: UnderTest) -> None:
    assert best(live, "red", since="2025-11-20T08:00:31Z")["provisional"] is True
    assert best(live, "white", until="2025-11-20T08:00:20Z")["provisional"] is False


def test_a_search_may_leave_out_what_is_not_final(live: UnderTest) -> None:
    hit = best(live, "red", provisional=False)
    assert (hit["peak_ms"], hit["provisional"]) == (NOW_MS + 30_000, False)
    assert hit["end_ms"] == NOW_MS + 30_500


def test_rows_come_out_in_time_order_and_one_a_moment() -> None:
    source_no, life, t_ms = np.array([2, 1, 1, 1, 1]), np.ones(5, np.int64), np.array([5, 7, 5, 5, 6])
    provisional = np.array([True, True, True, False, False])
    rows = one_a_moment(Rows(source_no, life, t_ms, t_ms, provisional, np.arange(5, dtype=np.float32)[:, None]))
    assert list(zip(rows.source_no, rows.t_ms, rows.provisional, strict=True)) == [
        (1, 5, False), (1, 6, False), (1, 7, True), (2, 5, True),
    ]  # fmt: skip
    assert rows.vectors[:, 0].tolist() == [3, 4, 1, 0]
    nothing = np.empty(0, np.int64)
    empty = Rows(nothing, nothing, nothing, nothing, nothing.astype(bool), np.empty((0, 0), np.float32))
    assert one_a_moment(empty).t_ms.size == 0
