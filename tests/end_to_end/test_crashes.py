"""Kill every service once while files are being indexed: every row is there, once, and the one of an uninterrupted run."""

from pathlib import Path

import numpy as np
from pymilvus import MilvusClient

from encoders.address import load
from framebus.client.errors import NoStackError
from schemas.collection import ALIAS
from tests.end_to_end.conftest import await_that
from tests.end_to_end.stack import LocalStack
from tests.end_to_end.test_files import fresh
from tests.end_to_end.uninterrupted import Rows, uninterrupted
from tests.end_to_end.videos import write_video

SAMPLE_FPS = 4.0
KILLED = ("decoder", "embedder", "indexer-bulk", "indexer-live", "query", "embedder", "indexer-bulk")


def rows_of(milvus: MilvusClient, source_id: str) -> list[dict[str, object]]:
    """Return every row of a source, by a strong read."""
    rows = milvus.query(
        ALIAS, filter=f'source_id == "{source_id}"', output_fields=["id", "t_ms", "vector"], limit=16_384,
        consistency_level="Strong",
    )  # fmt: skip
    return list(rows)


def differences(found: list[dict[str, object]], expected: Rows, source_id: str) -> list[str]:
    """Return one line for every row that is missing, wrong or there twice."""
    told = []
    seen: dict[int, int] = {}
    for row in found:
        t_ms = int(str(row["t_ms"]))
        seen[t_ms] = seen.get(t_ms, 0) + 1
        if row["id"] != f"{source_id}/1/f/{t_ms}" or t_ms not in expected:
            told.append(f"{row['id']} is no row of an uninterrupted run")
        elif (distance := float(np.abs(np.asarray(row["vector"], np.float32) - expected[t_ms]).max())) > 1e-6:
            told.append(f"{row['id']} is off by {distance}")
    told += [f"{t_ms} is there {times} times" for t_ms, times in seen.items() if times > 1]
    return told + [f"{t_ms} is missing" for t_ms in expected.keys() - seen.keys()]


def test_rows_equal_an_uninterrupted_run_whatever_is_killed(stack: LocalStack, tiny: Path, tmp_path: Path) -> None:
    files = {
        fresh(f"long{number}"): write_video(tmp_path / f"{number}.mp4", scenes, seconds_each=14.0) for number, scenes in scripts()
    }
    to_add = list(files.items())
    encoder = load(str(tiny), threads=1)
    milvus = MilvusClient(stack.milvus, timeout=30)
    whole = 4 * sum(14 * len(scenes) for _, scenes in scripts())

    def total() -> int:
        return sum(len(rows_of(milvus, source_id)) for source_id in files)

    killed_at = []
    for number, service in enumerate(KILLED):
        if number % 2 == 0 and to_add:
            source_id, path = to_add.pop(0)
            stack.client.add(path, source_id, sample_fps=SAMPLE_FPS)
        killed_at.append(total())
        stack.kill(service)
        await_that(lambda: total() > killed_at[-1])
    await_that(lambda: total() == whole and all_indexed(stack, list(files)), 150)
    assert killed_at[-2] < whole, f"kills must fall into the ingestion: {killed_at} of {whole} rows"

    for source_id, path in files.items():
        assert differences(rows_of(milvus, source_id), uninterrupted(path, encoder, SAMPLE_FPS), source_id) == []
    milvus.close()


def all_indexed(stack: LocalStack, source_ids: list[str]) -> bool:
    """Return whether all are indexed; not while query is being started again."""
    try:
        return all(stack.client.source(source_id).state == "indexed" for source_id in source_ids)
    except NoStackError:
        return False


def test_the_comparison_sees_what_is_missing_wrong_or_twice() -> None:
    expected = {0: np.ones(2, np.float32), 500: np.ones(2, np.float32)}
    found: list[dict[str, object]] = [
        {"id": "a/1/f/0", "t_ms": 0, "vector": [1.0, 0.9]},
        {"id": "a/1/f/0", "t_ms": 0, "vector": [1.0, 1.0]},
        {"id": "a/1/f/7", "t_ms": 7, "vector": [1.0, 1.0]},
    ]
    assert len(differences(found, expected, "a")) == 4


def scripts() -> list[tuple[int, list[int]]]:
    """Return three files of 60 to 80 scenes, each two chunks long."""
    return [(number, list(range(100 * number, 100 * number + 60 + 10 * number))) for number in (1, 2, 3)]
