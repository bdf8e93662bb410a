"""Kill every service once while files are being indexed: every row is there, once, and the one of an uninterrupted run."""

from functools import partial
from pathlib import Path

from pymilvus import MilvusClient

from encoders.address import load
from tests.comparison import compare, file_rows, rows_of, stored_twice
from tests.end_to_end.conftest import await_that
from tests.end_to_end.stack import LocalStack
from tests.end_to_end.test_files import fresh
from tests.end_to_end.uninterrupted import uninterrupted
from tests.end_to_end.videos import write_video

SAMPLE_FPS = 4.0
SAMPLES_A_SCENE = 56  # 14 s of it
KILLED = ("decoder", "embedder", "indexer-bulk", "indexer-live", "query")


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
        found = rows_of(milvus, source_id)
        assert len(found) == wholes[source_id]
        assert compare(found, file_rows(source_id, uninterrupted(path, encoder, SAMPLE_FPS))).lines() == []
        assert stored_twice(milvus, source_id, found) == []
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


def scripts() -> list[tuple[int, list[int]]]:
    """Return a file for each kill, of 20 to 60 scenes: one chunk or two."""
    return [(number, list(range(100 * number, 100 * number + 20 + 40 * (number % 2)))) for number in range(1, len(KILLED) + 1)]
