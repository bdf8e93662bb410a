"""A camera as packets."""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import islice, pairwise
from math import inf
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import pytest

from framebus.demo.camera import CameraServer, Clip, LiveScene, read_clip
from services.decoder.cameras import rtsp
from services.decoder.cameras.cadence import Cadence
from services.decoder.cameras.capture import _Session
from services.decoder.cameras.clock import CameraClock
from services.decoder.cameras.errors import CameraDown
from services.decoder.cameras.parameters import sequence_parameters
from services.decoder.cameras.places import Place
from services.decoder.cameras.rtsp import RtspCamera
from services.decoder.cameras.sampler import Sampler
from services.decoder.sampling import Grid
from tests.camera.clips import Codec, write_clip


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_the_first_picture_is_shown_one_frame_before_the_next_whatever_the_rate(codec: Codec, tmp_path: Path) -> None:
    clip = read_clip(write_clip(tmp_path / "slow.mp4", 16, fps=8, codec=codec))
    with CameraServer({"slow": clip}) as server, closing(RtspCamera(Place(server.url("slow"), "tcp", ()))) as camera:
        times_ms = [packet.pts_ms for packet in islice(camera.packets(), 6)]
    assert [later - earlier for earlier, later in pairwise(times_ms)] == pytest.approx([125.0] * 5, abs=1.0)


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_what_a_camera_is_described_with_is_what_its_keyframes_carry(codec: Codec, tmp_path: Path) -> None:
    clip = read_clip(write_clip(tmp_path / "clip.mp4", 25, codec=codec))
    with CameraServer({"clip": clip}) as server, closing(RtspCamera(Place(server.url("clip"), "tcp", ()))) as camera:
        described = _Session(camera, CameraClock(1000.0), Sampler(camera, grid := Grid(1.0), Cadence(grid, 1000.0))).parameters
        carried = sequence_parameters(camera.codec, bytes(next(iter(camera.packets())).packet))
    assert described
    assert described == carried


@pytest.mark.parametrize("still_seconds", [29, 31])
def test_what_waits_for_a_process_that_stood_still_for_long_is_left_out(
    still_seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with CameraServer({"live": LiveScene()}) as server, closing(RtspCamera(Place(server.url("live"), "tcp", ()))) as camera:
        packets = camera.packets()
        before = list(islice(packets, 10))[-1]
        monkeypatch.setattr(rtsp, "_now_ms", lambda: before.arrival_ms + 1000 * still_seconds)
        if still_seconds < 30:
            assert next(packets).pts_ms > before.pts_ms
            return
        with pytest.raises(CameraDown, match="the decoder stood still for 31 s"):
            next(packets)


@dataclass
class Container:
    """A connection as PyAV shows it, with picture, sound and metadata; each read of a packet takes 20 ms, or `pause_ms`."""

    video: Any = field(default_factory=lambda: SimpleNamespace(codec_context=codec("h264")))
    sound: Any = field(default_factory=lambda: SimpleNamespace(codec_context=codec("aac")))
    metadata: Any = field(default_factory=lambda: SimpleNamespace(codec_context=None))
    now_ms: float = 0.0
    pause_ms: float = 20.0
    sends: str = "picture"
    sends_pictures_from_ms: float = inf
    stamped: bool = True
    sound_is_empty: bool = False
    ends: bool = False

    @property
    def streams(self) -> Any:
        return SimpleNamespace(video=[self.video], audio=[self.sound])

    def demux(self, *wanted: Any) -> Iterator[Any]:
        while True:
            self.now_ms += self.pause_ms
            assert self.now_ms < 60_000, "by now the camera is silent"
            self.pause_ms = 20.0
            self.sends = "picture" if self.now_ms >= self.sends_pictures_from_ms else self.sends
            stream = {"picture": self.video, "sound": self.sound, "metadata": self.metadata}[self.sends]
            if not wanted or stream in wanted:
                yield self._packet(stream)
            if self.sound_is_empty:
                yield replace_in(self._packet(self.sound), size=0)
            if self.ends:
                yield replace_in(self._packet(self.video), size=0, pts=None)

    def _packet(self, stream: Any) -> Any:
        pts = round(self.now_ms) if self.stamped else None
        return SimpleNamespace(
            stream=stream, size=9, pts=pts, time_base=Fraction(1, 1000), is_keyframe=True, is_corrupt=False,
            iter_sidedata=lambda: iter(()),
        )  # fmt: skip

    def close(self) -> None:
        """Nothing is open."""


def replace_in(packet: Any, **changed: Any) -> Any:
    return SimpleNamespace(**{**vars(packet), **changed})


def codec(name: str) -> Any:
    return SimpleNamespace(codec=SimpleNamespace(canonical_name=name))


@pytest.fixture
def container(monkeypatch: pytest.MonkeyPatch) -> Container:
    container = Container()
    monkeypatch.setattr(av, "open", lambda *_, **__: container)
    monkeypatch.setattr(rtsp, "refuse_redirects", lambda _, seconds: seconds)
    monkeypatch.setattr(rtsp, "_now_ms", lambda: container.now_ms)
    return container


@pytest.fixture
def packets(container: Container) -> Iterator[rtsp.CameraPacket]:
    return RtspCamera(Place("rtsp://camera", "tcp", ())).packets()


def gone_after_ms(packets: Iterator[rtsp.CameraPacket], container: Container) -> float:
    """Read until the camera is called silent; return how long that took."""
    began_ms = container.now_ms
    with pytest.raises(CameraDown, match="the camera has stopped sending"):
        deque(packets, maxlen=0)
    return container.now_ms - began_ms


@pytest.mark.parametrize("sends", ["sound", "metadata"])
def test_a_camera_whose_pictures_stop_is_silent_whatever_else_it_sends(
    sends: str, packets: Iterator[rtsp.CameraPacket], container: Container
) -> None:
    before = list(islice(packets, 50))
    assert all(packet.video for packet in before)
    container.sends = sends
    assert gone_after_ms(packets, container) == pytest.approx(5_000, abs=50)


@pytest.mark.parametrize(("sends", "stamped"), [("sound", True), ("metadata", True), ("picture", False)])
def test_a_camera_whose_pictures_never_come_or_have_no_time_is_given_up(
    sends: str, stamped: bool, packets: Iterator[rtsp.CameraPacket], container: Container
) -> None:
    container.sends, container.stamped = sends, stamped
    assert gone_after_ms(packets, container) == pytest.approx(15_000, abs=50)


def test_a_first_keyframe_that_is_ten_seconds_away_is_waited_for_while_there_is_sound(
    packets: Iterator[rtsp.CameraPacket], container: Container
) -> None:
    container.sends, container.sends_pictures_from_ms = "sound", 10_000.0
    assert next(packet for packet in packets if packet.video).arrival_ms == pytest.approx(10_000, abs=50)


def test_the_time_that_a_process_stood_still_is_not_counted_as_the_silence_of_the_camera(
    packets: Iterator[rtsp.CameraPacket], container: Container
) -> None:
    list(islice(packets, 50))
    container.sends, container.pause_ms = "sound", 12_000.0
    assert [packet.video for packet in islice(packets, 100)] == [False] * 100
    container.sends = "picture"
    assert next(packets).video


def test_a_sound_packet_without_payload_is_not_the_end_and_what_pyav_ends_with_is(
    packets: Iterator[rtsp.CameraPacket], container: Container
) -> None:
    container.sound_is_empty = True
    assert [packet.video for packet in islice(packets, 50)] == [True] * 50
    container.ends = True
    with pytest.raises(CameraDown, match="the camera has ended the connection"):
        deque(packets, maxlen=0)


def test_pictures_without_payload_are_none(packets: Iterator[rtsp.CameraPacket], container: Container) -> None:
    container.sends, container.sound, container.sound_is_empty = "metadata", container.video, True
    assert gone_after_ms(packets, container) == pytest.approx(15_000, abs=50)


@pytest.mark.parametrize("pictures_seconds", [0.0, 2.0])
@pytest.mark.timeout(40)
def test_sound_without_pictures_on_a_real_connection_is_silence(
    pictures_seconds: float, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(rtsp, "FIRST_PICTURE_SECONDS", 3.0, raising=False)
    clip = with_pictures_for(pictures_seconds, read_clip(write_clip(tmp_path / "sound.mp4", 50, sound_hertz=440)))
    with CameraServer({"deaf": clip}) as server, closing(RtspCamera(Place(server.url("deaf"), "tcp", ()))) as camera:
        began = time.monotonic()
        with pytest.raises(CameraDown, match="the camera has stopped sending"):
            deque(camera.packets(), maxlen=0)
        assert time.monotonic() - began < pictures_seconds + 8.0


def with_pictures_for(seconds: float, clip: Clip) -> Clip:
    """Return a clip of half a minute whose sound goes on after its pictures have ended."""
    begins = [clip.span_seconds * number for number in range(round(30 / clip.span_seconds))]
    units = [
        replace(unit, pts_seconds=begin + unit.pts_seconds, send_seconds=begin + unit.send_seconds)
        for begin in begins
        for unit in clip.units
        if unit.track == 1 or begin + unit.send_seconds < seconds
    ]
    return replace(clip, units=tuple(units), span_seconds=30.0)
