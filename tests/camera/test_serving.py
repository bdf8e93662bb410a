"""What a camera shows: every codec and transport, pictures in order, a clock that never breaks."""

import itertools
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from framebus.demo.camera import CameraServer, Clip, LiveScene, NotServable, read_clip
from framebus.demo.camera.scene import Codec
from tests.camera.clips import number_in, write_clip, write_wav
from tests.camera.watching import Caller, Transport, frames, seconds, watching


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("name", ["street", "hall"])
def test_every_picture_arrives_in_order(name: str, transport: Transport, street: Clip, hall: Clip) -> None:
    with CameraServer({"street": street, "hall": hall}) as server, watching(server.url(name), transport) as camera:
        assert camera.streams.video[0].codec_context.name == {"street": "h264", "hall": "hevc"}[name]
        seen = frames(camera, 25)
    first, *others = (number_in(frame) for frame in seen)
    assert first is not None
    assert others == [(first + step) % 20 for step in range(1, 25)]


@pytest.mark.parametrize("name", ["street", "hall"])
def test_timestamps_go_on_where_the_file_begins_again(name: str, street: Clip, hall: Clip) -> None:
    with CameraServer({"street": street, "hall": hall}) as server, watching(server.url(name)) as camera:
        at_seconds = [seconds(frame) for frame in frames(camera, 45)]
    steps = [after - before for before, after in itertools.pairwise(at_seconds)]
    assert steps == pytest.approx([0.02] * 44, abs=1e-4)


def test_pictures_come_at_the_pace_of_the_clip(street: Clip) -> None:
    with CameraServer({"street": street}) as server, watching(server.url("street")) as camera:
        arrivals = [(time.monotonic(), seconds(frame)) for frame in frames_as_they_come(camera, 50)]
    first, last = arrivals[20], arrivals[-1]
    assert last[0] - first[0] == pytest.approx(last[1] - first[1], abs=0.1)


def frames_as_they_come(camera: av.container.InputContainer, count: int) -> Iterator[av.VideoFrame]:
    return itertools.islice((frame for frame in camera.decode(video=0) if frame.pts is not None), count)


def test_a_viewer_sees_a_picture_at_once_or_waits_for_a_keyframe(folder: Path) -> None:
    slow = read_clip(write_clip(folder / "slow.mp4", 40, gop=40, fps=50))
    with CameraServer({"gate": slow}) as server, watching(server.url("gate")) as one:
        frames(one, 10)
        with watching(server.url("gate")) as other:
            assert number_in(frames(other, 1)[0]) == 1
    with CameraServer({"gate": slow}, begin="next keyframe") as server, watching(server.url("gate")) as one:
        frames(one, 10)
        began = time.monotonic()
        with watching(server.url("gate")) as other:
            assert number_in(frames(other, 1)[0]) == 1
        assert time.monotonic() - began > 0.5


def test_many_viewers_share_one_stream(street: Clip) -> None:
    with (
        CameraServer({"gate": street}) as server,
        watching(server.url("gate")) as one,
        watching(server.url("gate"), "udp") as two,
    ):
        frames(one, 3)
        frames(two, 3)
        assert server.mount("gate").viewers == server.mount("gate").plays == 2


@pytest.mark.parametrize(("transport", "codec"), [("tcp", "h264"), ("udp", "h264"), ("tcp", "hevc")])
def test_a_live_scene_shows_the_time_at_which_it_was_drawn(transport: Transport, codec: Codec) -> None:
    with CameraServer({"clock": LiveScene(codec=codec)}) as server, watching(server.url("clock"), transport) as camera:
        *_, last = frames_as_they_come(camera, 20)
        shown_ms = number_in(last)
        assert camera.streams.video[0].codec_context.name == codec
    assert shown_ms is not None
    assert 0 <= time.time() * 1000 - shown_ms < 1_000


def test_sound_is_sent_beside_the_video(folder: Path) -> None:
    clip = write_clip(folder / "tone.mp4", 25, sound_hertz=440)
    g711 = read_clip(clip, sound=write_wav(folder / "tone.wav", 1.0), law="pcma")
    with CameraServer({"aac": read_clip(clip), "g711": g711}) as server:
        for name, codec in (("aac", "aac"), ("g711", "pcm_alaw")):
            codecs, peak = codecs_and_peak(server.url(name))
            assert codecs == ["h264", codec]
            assert peak == pytest.approx(8_000 / 32_768, abs=0.03)


def codecs_and_peak(url: str) -> tuple[list[str], float]:
    """Return the codecs of a camera's streams, and how loud its sound gets, of 1."""
    to_float = av.AudioResampler(format="flt")
    with watching(url) as camera:
        heard = [part for frame in itertools.islice(camera.decode(audio=0), 10) for part in to_float.resample(frame)]
        return [stream.codec_context.name for stream in camera.streams], float(max(part.to_ndarray().max() for part in heard))


def test_sound_alone_is_served_too(folder: Path) -> None:
    tone = read_clip(write_wav(folder / "alone.wav", 1.0))
    with CameraServer({"radio": tone}) as server, watching(server.url("radio")) as camera:
        assert [stream.codec_context.name for stream in camera.streams] == ["pcm_mulaw"]
        assert next(camera.decode(audio=0)).samples > 0


def test_what_cannot_be_sent_is_named(folder: Path) -> None:
    path = folder / "old.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        container.mux(stream.encode(None))
    with pytest.raises(NotServable, match=r"old\.mp4 is mpeg4: only h264 and hevc can be sent"):
        read_clip(path)


def test_the_right_password_opens_and_a_wrong_one_does_not(street: Clip) -> None:
    with CameraServer({"gate": street}, login=("cam", "p@ss:word/")) as server:
        with watching(server.url("gate")) as camera:
            assert frames(camera, 1)
        for wrong in (("cam", "password"), ("other", "p@ss:word/")):
            with pytest.raises(av.error.HTTPUnauthorizedError), watching(server.url("gate", login=wrong)):
                pass
        server.mount("gate").login = ("cam", "changed")
        with watching(server.url("gate")) as camera:
            assert frames(camera, 1)


def test_requests_are_answered_as_cameras_do(street: Clip) -> None:
    with CameraServer({"gate": street}) as server, Caller(server.port) as caller:
        assert "GET_PARAMETER" in caller.ask("OPTIONS", "gate")[1]["Public"]
        assert caller.ask("DESCRIBE", "nowhere")[0] == 404
        assert "sprop-parameter-sets" in caller.ask("DESCRIBE", "gate")[2]
        assert caller.ask("RECORD", "gate")[0] == 501
        assert caller.ask("PLAY", "gate", Session="none")[0] == 454
        assert caller.ask("SETUP", "gate/trackID=7", Transport="RTP/AVP/TCP;interleaved=0-1")[0] == 404
        status, headers, _ = caller.ask("SETUP", "gate/trackID=0", Transport="RTP/AVP/TCP;unicast;interleaved=4-5")
        assert (status, headers["Transport"]) == (200, "RTP/AVP/TCP;unicast;interleaved=4-5")
        assert caller.ask("GET_PARAMETER", "gate", Session=headers["Session"])[0] == 200
        assert caller.ask("TEARDOWN", "gate", Session=headers["Session"])[0] == 200
        assert caller.connection.recv(1) == b""


def test_it_runs_as_a_process_until_it_is_told_to_stop(folder: Path) -> None:
    clip = write_clip(folder / "process.mp4", 20, gop=10)
    command = [sys.executable, "-m", "framebus.demo.camera", "--copies", "2", f"gate={clip}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        *urls, ready = [process.stdout.readline().strip() for _ in range(3)]
        assert ready == "ready"
        for url in urls:
            with watching(url) as camera:
                assert frames(camera, 1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
