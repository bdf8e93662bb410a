"""Rows whose vectors have left the log come back from files and recordings, the same, in a new collection."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from pymilvus import MilvusClient

from framebus.demo.camera import CameraServer, LiveScene
from framebus.local.places import CHECKOUT
from schemas.collection import ALIAS
from schemas.recordings import parse_journal
from schemas.topics import EMBEDDINGS_BULK, EMBEDDINGS_LIVE, INDEX_EVENTS, TOPICS
from tests.comparison import MOST_ROWS
from tests.end_to_end.conftest import await_that
from tests.end_to_end.stack import LocalStack
from tests.end_to_end.videos import write_video

Row = dict[str, Any]
CAMERA, LOST, KEPT, GONE = "watched-again", "lost-file", "kept-file", "removed-file"
NOTED = 10


@pytest.fixture
def indexed(stack: LocalStack, tmp_path: Path) -> dict[str, Row]:
    """A camera, a file and one that is removed, of which the log holds nothing, and a file of which it holds all."""
    with CameraServer({CAMERA: LiveScene()}) as server:
        stack.client.add(server.url(CAMERA), CAMERA, sample_fps=8.0)
        for seed, name in enumerate((LOST, GONE)):
            stack.client.add(write_video(tmp_path / f"{name}.mp4", [71 + seed, 81 + seed]), name)
        await_that(lambda: len(rows(stack, CAMERA)) >= NOTED)
        stack.client.pause(CAMERA)
    await_that(lambda: len(rows(stack, CAMERA)) == noted(stack))
    list(stack.client.wait([LOST, GONE], 60))
    stack.client.remove(GONE)
    forget(stack, EMBEDDINGS_LIVE.name, EMBEDDINGS_BULK.name)
    stack.client.add(write_video(tmp_path / "kept.mp4", [91]), KEPT)
    list(stack.client.wait([KEPT], 60))
    return rows(stack, CAMERA, LOST, KEPT)


def test_rows_beyond_the_log_are_made_again_from_media(stack: LocalStack, indexed: dict[str, Row], tiny: Path) -> None:
    told, searched = end_of(stack, INDEX_EVENTS.name), named(stack)
    done = rebuild(stack, tiny)
    assert done.returncode == 0, done.stderr
    assert "decoding again" in done.stderr
    assert named(stack) != searched
    assert end_of(stack, INDEX_EVENTS.name) == told, "rows that are made again are no news"
    again = rows(stack, CAMERA, LOST, KEPT, GONE)
    assert again.keys() == indexed.keys()
    for key, row in indexed.items():
        np.testing.assert_allclose(again[key].pop("vector"), row.pop("vector"), atol=1e-6)
        assert again[key] == row


def rebuild(stack: LocalStack, encoder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a rebuild to its end, beside the stack."""
    environ = {
        **os.environ, "FRAMEBUS_KAFKA": stack.kafka, "FRAMEBUS_MILVUS": stack.milvus, "FRAMEBUS_ENCODER": str(encoder),
        "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    command = [sys.executable, "-m", "services.indexer.rebuild"]
    return subprocess.run(command, cwd=CHECKOUT, env=environ, capture_output=True, text=True, check=False, timeout=120)


def forget(stack: LocalStack, *topics: str) -> None:
    """Delete all records of some topics, as retention does in the end."""
    admin = AdminClient({"bootstrap.servers": stack.kafka})
    places = [TopicPartition(topic, number, -1) for topic in topics for number in range(TOPICS[topic].partitions)]
    for deleted in admin.delete_records(places).values():
        deleted.result(10)


def end_of(stack: LocalStack, topic: str) -> int:
    """Return where the one partition of a topic ends."""
    with closing(Consumer({"bootstrap.servers": stack.kafka, "group.id": "test"})) as consumer:
        return int(consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)[1])


def named(stack: LocalStack) -> str:
    """Return the collection that is searched."""
    with closing(MilvusClient(stack.milvus, timeout=30)) as milvus:
        return str(milvus.describe_alias(ALIAS)["collection_name"])


def rows(stack: LocalStack, *source_ids: str) -> dict[str, Row]:
    """Return the final rows of some sources by key, with all of their fields."""
    expression = f"source_id in {list(source_ids)} and provisional == false"
    with closing(MilvusClient(stack.milvus, timeout=30)) as milvus:
        found = milvus.query(ALIAS, filter=expression, output_fields=["*"], limit=MOST_ROWS, consistency_level="Strong")
        return {row["id"]: dict(row) for row in found}


def noted(stack: LocalStack) -> int:
    """Count the samples that the decoder has noted of the camera."""
    folder = stack.home / "media" / "recordings" / CAMERA
    return sum(len(parse_journal(path.read_text())) for path in folder.glob("*/*/*.samples"))
