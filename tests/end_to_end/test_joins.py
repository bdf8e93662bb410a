"""Several workers of each stage at once, joining and leaving during ingestion: no row is lost, wrong or there twice."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from pymilvus import MilvusClient

from encoders.address import load
from schemas.messages import Chunk, decode
from schemas.topics import CHUNKS
from tests.comparison import compare, file_rows, rows_of, stored_twice
from tests.end_to_end.conftest import await_that
from tests.end_to_end.stack import LocalStack
from tests.end_to_end.test_crashes import all_indexed
from tests.end_to_end.test_files import fresh
from tests.end_to_end.uninterrupted import uninterrupted
from tests.end_to_end.videos import write_video
from tests.end_to_end.worker import Worker, joining

SAMPLE_FPS = 2.0
SECONDS_EACH = 32.0
SCENES = 60
CHUNKS_EACH = 4
"""A file of 32 minutes at 2 samples a second is cut into spans of 8 minutes."""
INPUT = {"decoder": "chunks", "embedder": "frames-bulk", "indexer-bulk": "embeddings-bulk"}

Joined = Callable[[], dict[str, Worker]]


@pytest.fixture
def joined(stack: LocalStack, tmp_path: Path) -> Iterator[Joined]:
    """Start one more worker of each stage and give them when they hold partitions; they end with the test."""
    with ExitStack() as running:

        def join() -> dict[str, Worker]:
            workers = {service: running.enter_context(joining(stack, service, tmp_path)) for service in INPUT}
            for worker in workers.values():
                await_that(worker.has_joined)
            return workers

        yield join


def all_work(workers: dict[str, Worker]) -> bool:
    """Return whether every worker has read records that are work."""
    return all(worker.records(INPUT[service]) > 0 for service, worker in workers.items())


def keep_busy(stack: LocalStack, workers: dict[str, Worker], added: list[str], add: Callable[[], list[str]]) -> None:
    """Return when every worker has had work, of `added` or of more: whose partitions a file falls into is chance."""
    await_that(lambda: all_work(workers) or all_indexed(stack, added), 150)
    if not all_work(workers):
        keep_busy(stack, workers, add(), add)


def deal_again(stack: LocalStack, source_ids: list[str], copies: int) -> None:
    """Deal every chunk of these sources `copies` times more, so that several decoders decode it at the same time."""
    producer = Producer({"bootstrap.servers": stack.kafka})
    consumer = Consumer({"bootstrap.servers": stack.kafka, "group.id": "test"})
    dealt: set[str] = set()
    with closing(consumer):
        consumer.assign([TopicPartition(CHUNKS.name, number, 0) for number in range(CHUNKS.partitions)])

        def all_dealt() -> bool:
            for message in consumer.consume(100, 0.2):
                if message.error() is not None:
                    continue
                chunk = decode(message.value(), Chunk)
                if chunk.source_id in source_ids and chunk.stream not in dealt:
                    dealt.add(chunk.stream)
                    for copy in range(copies):
                        producer.produce(CHUNKS.name, message.value(), chunk.stream, copy * CHUNKS.partitions // copies)
            return len(dealt) == CHUNKS_EACH * len(source_ids)

        await_that(all_dealt)
    assert producer.flush(10) == 0


def test_rows_equal_an_uninterrupted_run_whoever_joins_and_leaves(
    stack: LocalStack, tiny: Path, tmp_path: Path, joined: Joined
) -> None:
    paths = [
        write_video(
            tmp_path / f"{number}.mp4", list(range(1000 * number, 1000 * number + SCENES)), seconds_each=SECONDS_EACH, fps=3
        )
        for number in (1, 2)
    ]
    files: dict[str, Path] = {}

    def add() -> list[str]:
        added = {fresh(f"joined{number}"): path for number, path in enumerate(paths)}
        for source_id, path in added.items():
            stack.client.add(path, source_id, sample_fps=SAMPLE_FPS)
        files.update(added)
        return list(added)

    add()
    workers = joined()
    keep_busy(stack, workers, add(), add)
    workers["decoder"].kill()
    workers["embedder"].kill()
    workers["indexer-bulk"].stop()

    others = joined()
    added = add()
    deal_again(stack, added, copies=8)
    keep_busy(stack, others, added, add)
    others["indexer-bulk"].kill()
    others["decoder"].stop()
    others["embedder"].stop()

    await_that(lambda: all_indexed(stack, list(files)), 150)
    encoder = load(str(tiny), threads=1)
    expected = {path: uninterrupted(path, encoder, SAMPLE_FPS) for path in paths}
    with closing(MilvusClient(stack.milvus, timeout=30)) as milvus:
        for source_id, path in files.items():
            found = rows_of(milvus, source_id)
            assert compare(found, file_rows(source_id, expected[path])).lines() == []
            assert stored_twice(milvus, source_id, found) == []
