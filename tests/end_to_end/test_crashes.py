"""Kill every service once while files are being indexed: every row is there, once, and the one of an uninterrupted run."""

from functools import partial
from pathlib import Path

import numpy as np
from pymilvus import MilvusClient

from encoders.address import load
from schemas.collection import ALIAS
from tests.end_to_end.conftest import await_that
from tests.end_to_end.stack import LocalStack
from tests.end_to_end.test_files import fresh
from tests.end_to_end.uninterrupted import Rows, uninterrupted
from tests.end_to_end.videos import write_video

SAMPLE_FPS = 4.0
SAMPLES_A_SCENE = 56  # 14 s of it
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
    encoder = load(str(tiny), threads=1)
    milvus = MilvusClient(stack.milvus, timeout=30)
    wholes = {source_id: SAMPLES_A_SCENE * len(scenes) for source_id, (_, scenes) in zip(files, scripts(), strict=True)}

    def rows(source_id: str) -> int:
        return len(rows_of(milvus, source_id))

    for service, (source_id, path) in zip(KILLED, files.items(), strict=True):
        stack.client.add(path, source_id, sample_fps=SAMPLE_FPS)
        await_that(partial(has_begun, stack, source_id))
        await_that(partial(is_there, stack, service))  # it may still be coming back from the kill before
        unwritten = wholes[source_id] - rows(source_id)
        stack.kill(service)
        assert unwritten > 0, "the kill must fall into the ingestion of its file"
    await_that(lambda: all_indexed(stack, list(files)), 150)

    for source_id, path in files.items():
        assert rows(source_id) == wholes[source_id]
        assert differences(rows_of(milvus, source_id), uninterrupted(path, encoder, SAMPLE_FPS), source_id) == []
    milvus.close()


def is_there(stack: LocalStack, service: str) -> bool:
    """Return whether a service has a process that can be killed."""
    return bool(stack.pids(service))


def has_begun(stack: LocalStack, source_id: str) -> bool:
    """Return whether a file is planned and dealt, so that whoever dies now dies at work."""
    return stack.client.source(source_id).state == "running"


def all_indexed(stack: LocalStack, source_ids: list[str]) -> bool:
    """Return whether all are indexed."""
    return all(stack.client.source(source_id).state == "indexed" for source_id in source_ids)


def test_the_comparison_sees_what_is_missing_wrong_or_twice() -> None:
    expected = {0: np.ones(2, np.float32), 500: np.ones(2, np.float32)}
    found: list[dict[str, object]] = [
        {"id": "a/1/f/0", "t_ms": 0, "vector": [1.0, 0.9]},
        {"id": "a/1/f/0", "t_ms": 0, "vector": [1.0, 1.0]},
        {"id": "a/1/f/7", "t_ms": 7, "vector": [1.0, 1.0]},
    ]
    assert len(differences(found, expected, "a")) == 4


def scripts() -> list[tuple[int, list[int]]]:
    """Return a file for each kill, of 20 to 60 scenes: one chunk or two."""
    return [(number, list(range(100 * number, 100 * number + 20 + 40 * (number % 2)))) for number in range(1, len(KILLED) + 1)]
