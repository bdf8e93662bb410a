"""Reading rows from the real Milvus."""

from collections.abc import Iterator

import numpy as np
import pytest

from schemas.identity import source_no
from services.query import filters
from services.query.store import ROWS_LIMIT, Store
from tests.query.corpus import Corpus, file_source, make_corpus, row, unit

SOURCE = file_source("five")
TIMES_MS = range(0, 2_500, 500)


@pytest.fixture(scope="module")
def corpus(milvus: str) -> Iterator[Corpus]:
    """Five rows of one source."""
    made = make_corpus(milvus, "tiny-0@12345678", 8)
    vectors = unit(np.random.default_rng(0).normal(size=(5, 8)))
    made.write([row(SOURCE, t_ms, vector) for t_ms, vector in zip(TIMES_MS, vectors, strict=True)])
    assert made.visible() == 5
    yield made
    made.drop()


@pytest.mark.parametrize(("limit", "came", "whole"), [(3, 3, False), (5, 5, False), (6, 5, True), (ROWS_LIMIT + 1, 5, True)])
def test_a_read_that_gives_all_that_it_may_says_that_there_may_be_more(
    milvus: str, corpus: Corpus, limit: int, came: int, whole: bool
) -> None:
    store = Store(milvus, corpus.alias)
    span = (source_no(SOURCE.source_id), 1, 0, 2_500)
    rows = store.rows(corpus.name, filters.stretches([span]), limit)
    store.close()
    assert (rows.t_ms.size, rows.whole) == (came, whole)
    assert set(rows.t_ms.tolist()) <= set(TIMES_MS)
