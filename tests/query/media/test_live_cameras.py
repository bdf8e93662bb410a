"""What the decoder is just recording is shown: its own process, a camera server and a real broker."""

import io
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import av
import numpy as np
import pytest

from framebus.demo.camera import CameraServer, LiveScene, read_clip
from framebus.demo.camera.timecode import Picture, read_number
from streaming.admin import create_topics
from tests.camera.clips import write_clip
from tests.decoder.cameras.live_bus import Decoder, Heard, LiveBus
from tests.query.media.conftest import Desk
from tests.query.media.drawn import shown_frames
from tests.query.media.recorded import camera_source

FRAME_MS = 40


@pytest.fixture
def bus(kafka: str, desk: Desk, tmp_path: Path) -> Iterator[LiveBus]:
    create_topics(kafka)
    with closing(LiveBus(kafka, desk.store.folder, tmp_path / "secrets")) as bus:
        decoder = Decoder(bus, tmp_path / "decoder.log")
        decoder.start()
        try:
            yield bus
        finally:
            decoder.end()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CameraServer]:
    folder = tmp_path_factory.mktemp("clips")
    clips = {
        "h265": read_clip(write_clip(folder / "h265.mp4", 100, codec="libx265")),
        "b_frames": read_clip(write_clip(folder / "b.mp4", 100, gop=50, b_frames=2)),
        "sound": read_clip(write_clip(folder / "sound.mp4", 100, sound_hertz=440)),
    }
    with CameraServer({"clock": LiveScene(), **clips}) as server:
        yield server


def next_sample(bus: LiveBus, name: str) -> Heard:
    known = len(bus.samples(name))
    bus.wait(lambda: len(bus.samples(name)) > known)
    return bus.samples(name)[-1]


def decoded(jpeg: bytes) -> Picture:
    with av.open(io.BytesIO(jpeg), "r", format="mjpeg") as container:
        return np.asarray(next(container.decode(video=0)).to_ndarray(format="rgb24"), np.uint8)


@pytest.mark.parametrize(("mount", "sample_fps"), [("clock", 1.0), ("b_frames", 2.0), ("h265", 1.0), ("sound", 1.0)])
def test_the_thumbnail_of_a_fresh_sample_is_that_sample_and_a_clip_begins_at_its_second(
    bus: LiveBus, desk: Desk, server: CameraServer, tmp_path: Path, mount: str, sample_fps: float
) -> None:
    name = f"filmed-{mount.replace('_', '-')}"
    desk.add(camera_source(name))
    bus.want(name, server.url(mount), sample_fps=sample_fps)
    for _ in range(3):
        sample = next_sample(bus, name)
        thumbnail = desk.client.get(f"/v1/sources/{name}/thumbnail", params={"t_ms": sample.headers.t_ms})
        assert thumbnail.status_code == 200, thumbnail.text
        assert read_number(decoded(thumbnail.content)) == sample.number
    start_ms = (sample.headers.t_ms or 0) - 2 * FRAME_MS
    clip = desk.client.get(f"/v1/sources/{name}/clip", params={"start_ms": start_ms, "end_ms": start_ms + 1_000})
    assert clip.status_code == 200, clip.text
    (tmp_path / "clip.mp4").write_bytes(clip.content)
    shown_ms = {read_number(picture): t_ms for t_ms, picture in shown_frames(tmp_path / "clip.mp4")}
    # It begins with the frame that is shown at `start_ms`: the second before the sample, or, where the clock slews, the third.
    assert shown_ms[sample.number] == pytest.approx(2.5 * FRAME_MS, abs=FRAME_MS)
    bus.want(name, server.url(mount), sample_fps=sample_fps, wanted="paused")
    bus.wait(lambda: bus.state(name)[0] == "paused")
