"""Named troubles of cameras, and a control of bulk work, on real servers; too long for `make test`: `make chaos` begins so."""

from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from confluent_kafka import Message

from encoders.address import load
from framebus.demo.camera import CameraServer, LiveScene, read_clip
from framebus.demo.camera.track import Source
from framebus.local.errors import StackError
from schemas.headers import decode_frame_headers
from schemas.messages import ChunkStatus, decode
from schemas.topics import CHUNK_STATUS, FRAMES_LIVE
from tests.camera.clips import write_wav
from tests.chaos.faults import Fault
from tests.chaos.films import films
from tests.chaos.fleet import WORKERS, Ground, ground
from tests.chaos.records import records_of
from tests.chaos.run import Plan, run
from tests.chaos.table import lines
from tests.decoder.cameras.live_bus import Decoder, LiveBus
from tests.servers import absent
from tests.tiny_model import make_tiny_model

GOOD, DEAD = 5, 50
PERIOD_MS = 1000
WATCHED = 12
BEYOND_SESSION_SECONDS = 10.0
BEYOND_CLOCK_SECONDS = 70.0
"""Longer than the clock of a camera remembers arrivals."""
NOBODY = "rtsp://127.0.0.1:9/live"


@pytest.fixture(scope="module")
def chaos_ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    try:
        with ground(tmp_path_factory.mktemp("chaos")) as servers:
            yield servers
    except StackError as error:
        absent(str(error))


def test_fifty_dead_cameras_take_no_sample_from_five_good_ones(chaos_ground: Ground, tmp_path: Path) -> None:
    sources: dict[str, Source] = {
        "good": LiveScene(),
        "locked": LiveScene(),
        "silent": LiveScene(),
        "deaf": read_clip(write_wav(tmp_path / "a.wav", 2.0)),
    }
    with CameraServer(sources) as server, closing(LiveBus(chaos_ground.kafka, tmp_path / "media", tmp_path / "secrets")) as bus:
        server.mount("silent").faults.silent = True
        server.mount("locked").login = ("viewer", "right")
        wrong = server.url("locked", login=("viewer", "wrong"))
        dead = {
            NOBODY: "nothing listens",
            server.url("silent"): "not answer",
            wrong: "wants a user and a password",
            server.url("deaf"): "no video",
        }
        good = [f"captured-good-{number}" for number in range(GOOD)]
        bad = {f"captured-dead-{number}": list(dead)[number % len(dead)] for number in range(DEAD)}
        for name, url in {**bad, **dict.fromkeys(good, server.url("good"))}.items():
            bus.want(name, url)
        decoder = Decoder(bus, tmp_path / "decoder.log")
        decoder.start()
        bus.wait(lambda: all(dead[url] in bus.state(name)[1] for name, url in bad.items()), 60)
        before = {name: len(bus.samples(name)) for name in good}
        bus.wait(lambda: all(len(bus.samples(name)) >= before[name] + WATCHED for name in good), 60)
        assert decoder.end() == 0, decoder.log.read_text()
        for name in (*good, *bad):
            bus.want(name, NOBODY, wanted="removed")
    for name in good:
        samples = [sample.headers for sample in bus.samples(name)]
        assert len({one.run for one in samples}) == 1
        gaps_ms = [(later.t_ms or 0) - (earlier.t_ms or 0) for earlier, later in pairwise(samples)]
        assert max(gaps_ms) <= 2 * PERIOD_MS


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "freezes", [((1.0, BEYOND_SESSION_SECONDS), (16.0, BEYOND_SESSION_SECONDS)), ((1.0, BEYOND_CLOCK_SECONDS),)]
)
def test_of_two_decoders_that_both_believe_they_own_a_camera_the_later_one_makes_the_rows(
    chaos_ground: Ground, tmp_path: Path, freezes: tuple[tuple[float, float], ...]
) -> None:
    faults = [Fault(at_seconds, "freeze", "decoder", seconds) for at_seconds, seconds in freezes]
    name = f"claimed-{len(faults)}"
    plan = Plan(1, len(faults), faults, [], make_tiny_model(tmp_path / "model"), cameras=3, over_udp=0, name=name)
    report = run(chaos_ground, plan)
    assert report.is_clean, "\n".join(lines(report))
    assert report.rows["cameras"].expected > 100
    if len(faults) > 1:
        assert behind_the_newest(chaos_ground.kafka, name) > 0, "both sent for some time"


def test_a_bulk_indexer_that_commits_what_milvus_has_not_confirmed_is_caught(chaos_ground: Ground, tmp_path: Path) -> None:
    model = make_tiny_model(tmp_path / "model")
    made = films(tmp_path, load(str(model), threads=1), lengths=(24,))
    faults = [Fault(1.0, "refuse", "milvus", 6.0), Fault(5.0, "kill", "indexer-bulk", 0.0)]
    plan = Plan(
        1, 1, faults, made, model, cameras=1, over_udp=0, workers=dict.fromkeys(WORKERS, 1), catch_up_seconds=0,
        modules={"indexer-bulk": "tests.chaos.hasty"}, drain_seconds=20, name="hasty-bulk",
    )  # fmt: skip
    report = run(chaos_ground, plan)
    files = report.rows["files"]
    assert rows_called_done(chaos_ground.kafka, "hasty-bulk-film") > files.expected - len(files.missing)
    assert not report.is_clean


def rows_called_done(kafka: str, prefix: str) -> int:
    """Return how many rows the chunks of some files have by what their indexer says of them."""
    newest = {status.stream: status.rows for status in map(status_of, records_of(kafka, CHUNK_STATUS.name))}
    return sum(rows for stream, rows in newest.items() if stream.startswith(prefix))


def status_of(message: Message) -> ChunkStatus:
    return decode(message.value() or b"", ChunkStatus)


def behind_the_newest(kafka: str, prefix: str) -> int:
    """Return how many samples came after those of a larger run of their camera."""
    newest: dict[str, int] = {}
    behind = 0
    for message in records_of(kafka, FRAMES_LIVE.name):
        headers = decode_frame_headers(message.headers())  # type: ignore[arg-type]
        if headers.source_id.startswith(prefix) and headers.run is not None and headers.mark is None:
            newest[headers.source_id] = max(newest.get(headers.source_id, 0), headers.run)
            behind += headers.run < newest[headers.source_id]
    return behind
