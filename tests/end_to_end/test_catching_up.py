"""Rows of a camera that the bus has lost come back from its recording, the same."""

from contextlib import closing
from pathlib import Path

import numpy as np
from pymilvus import MilvusClient

from framebus.demo.camera import CameraServer, LiveScene
from schemas.collection import ALIAS
from schemas.messages import Recut
from schemas.recordings import JournalLine, life_folder, parse_journal
from schemas.topics import FRAMES_LIVE, RECUT
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from tests.comparison import Found, rows_of
from tests.end_to_end.conftest import await_that
from tests.end_to_end.stack import LocalStack

SECONDS = 60.0
CAMERA = "lane"


def test_rows_that_the_bus_lost_come_back_the_same(stack: LocalStack) -> None:
    with CameraServer({CAMERA: LiveScene()}) as server:
        stack.client.add(server.url(CAMERA), CAMERA, sample_fps=4.0)
        await_that(lambda: len(final(stack)) >= 12, SECONDS)
        wanted = {row.key: row.vector for row in final(stack)[2:10]}
        lost = [line for line in journal(stack) if f"{CAMERA}/1/f/{line.t_ms}" in wanted]
        with closing(MilvusClient(stack.milvus, timeout=30)) as milvus:
            milvus.delete(ALIAS, filter=f"id in {list(wanted)}")
        await_that(lambda: not wanted.keys() & {row.key for row in final(stack)}, SECONDS)

        outbox = Outbox(stack.kafka, "test", Metrics())
        recut = Recut(
            source_id=CAMERA,
            topic=FRAMES_LIVE.name,
            partition=lost[0].partition,
            first_offset=lost[0].offset,
            last_offset=lost[-1].offset,
        )
        outbox.send_message(RECUT.name, recut, key="frames-live")
        outbox.flush()
        await_that(lambda: wanted.keys() <= {row.key for row in final(stack)}, SECONDS)
        for row in final(stack):
            if row.key in wanted:
                np.testing.assert_allclose(row.vector, wanted[row.key], atol=1e-6)
        await_that(lambda: stack.client.source(CAMERA).state == "running", SECONDS)
    stack.client.remove(CAMERA)


def final(stack: LocalStack) -> list[Found]:
    """Return the final rows of the camera, in the order of their times."""
    with closing(MilvusClient(stack.milvus, timeout=30)) as milvus:
        rows = [row for row in rows_of(milvus, CAMERA) if not row.provisional]
    return sorted(rows, key=lambda row: row.t_ms)


def journal(stack: LocalStack) -> list[JournalLine]:
    """Return what the decoder has noted of the camera."""
    folder = Path(stack.home / "media" / life_folder(CAMERA, 1))
    return [line for path in sorted(folder.glob("*/*.samples")) for line in parse_journal(path.read_text())]
