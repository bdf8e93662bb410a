"""Each fault does what it says, and ends when it is taken away."""

import itertools
import socket
import statistics
import time
from typing import Any

import av
import pytest
from av.error import FFmpegError

from framebus.demo.camera import CameraServer, Clip, LiveScene
from tests.camera.clips import number_in
from tests.camera.watching import Caller, frames, seconds, watching


def wall_ms(camera: av.container.InputContainer, frame: av.VideoFrame) -> float:
    """Return when a frame was taken, as the sender reports say."""
    assert camera.start_time_realtime is not None
    return camera.start_time_realtime / 1000 + seconds(frame) * 1000


@pytest.mark.parametrize("skew_seconds", [0.0, 3600.0, -30.0])
def test_reports_tell_when_a_picture_was_taken_by_the_clock_of_the_camera(skew_seconds: float) -> None:
    with CameraServer({"clock": LiveScene()}) as server:
        server.mount("clock").faults.clock_skew_seconds = skew_seconds
        with watching(server.url("clock")) as camera:
            seen = [(number_in(frame), wall_ms(camera, frame)) for frame in frames(camera, 15)]
    ahead_ms = [told_ms - (shown_ms or 0) for shown_ms, told_ms in seen]
    assert statistics.median(ahead_ms) == pytest.approx(skew_seconds * 1000, abs=20)


def test_without_reports_nobody_knows_the_time(street: Clip) -> None:
    with CameraServer({"gate": street}) as server:
        server.mount("gate").faults.report_every_seconds = None
        with watching(server.url("gate")) as camera:
            frames(camera, 20)
            assert camera.start_time_realtime is None


def test_the_first_report_may_come_late(street: Clip) -> None:
    with CameraServer({"gate": street}) as server:
        server.mount("gate").faults.first_report_after_seconds = 0.6
        with watching(server.url("gate")) as camera:
            known = [camera.start_time_realtime is not None for _ in itertools.islice(camera.decode(video=0), 50)]
    assert known == sorted(known)
    assert (known[0], known[-1]) == (False, True)


def test_a_stalled_camera_stays_connected_and_goes_on(street: Clip) -> None:
    with CameraServer({"gate": street}) as server, watching(server.url("gate")) as patient:
        before = seconds(frames(patient, 5)[-1])
        server.mount("gate").faults.stalled = True
        with pytest.raises(FFmpegError), watching(server.url("gate"), within_seconds=0.3) as impatient:
            frames(impatient, 100)
        server.mount("gate").faults.stalled = False
        after = frames(patient, 40)
    assert seconds(after[-1]) - before > 40 * 0.02
    assert all(number_in(frame) is not None for frame in after)


def test_a_server_that_went_down_refuses_and_comes_back_on_its_port(street: Clip) -> None:
    with CameraServer({"gate": street}) as server:
        with watching(server.url("gate")) as camera:
            frames(camera, 2)
            server.go_down()
            assert len(frames(camera, 1000)) < 1000
        assert server.mount("gate").viewers == 0
        with pytest.raises(av.error.ConnectionRefusedError), watching(server.url("gate")):
            pass
        server.come_back()
        with watching(server.url("gate")) as camera:
            assert frames(camera, 2)


def test_one_camera_is_dropped_alone(street: Clip) -> None:
    with (
        CameraServer({"gate": street, "door": street}) as server,
        watching(server.url("gate")) as gate,
        watching(server.url("door")) as door,
    ):
        server.drop("gate")
        assert len(frames(gate, 1000)) < 1000
        assert len(frames(door, 30)) == 30


def test_a_silent_camera_takes_a_request_and_never_answers(street: Clip) -> None:
    with CameraServer({"gate": street}) as server:
        server.mount("gate").faults.silent = True
        with pytest.raises(FFmpegError), av.open(server.url("gate"), timeout=(0.3, 0.3)):
            pass


def test_noise_is_no_answer(street: Clip) -> None:
    with CameraServer({"gate": street}) as server:
        server.mount("gate").faults.garbage = "answers"
        with pytest.raises(FFmpegError), av.open(server.url("gate"), timeout=(0.5, 0.5)):
            pass


def test_noise_in_packets_is_no_picture(street: Clip) -> None:
    with CameraServer({"gate": street}) as server, watching(server.url("gate"), within_seconds=0.5) as camera:
        frames(camera, 2)
        server.mount("gate").faults.garbage = "media"
        packets = itertools.islice(camera.demux(video=0), 12)
        assert sum(is_broken(packet) for packet in packets) > 6


def is_broken(packet: Any) -> bool:
    """Return whether the decoder refuses a packet."""
    try:
        packet.decode()
    except FFmpegError:
        return True
    return False


@pytest.mark.parametrize(("status", "error"), [(403, av.error.HTTPForbiddenError), (404, av.error.HTTPNotFoundError)])
def test_a_camera_refuses_with_a_status(status: int, error: type[FFmpegError], street: Clip) -> None:
    with CameraServer({"gate": street}) as server:
        server.mount("gate").faults.status = status
        with pytest.raises(error), watching(server.url("gate")):
            pass


def test_a_camera_that_has_moved_says_where_to(street: Clip) -> None:
    with CameraServer({"gate": street}) as server, Caller(server.port) as caller:
        server.mount("gate").faults.moved_to = "rtsp://192.0.2.7/gate"
        status, headers, _ = caller.ask("DESCRIBE", "gate")
        assert (status, headers["Location"]) == (302, "rtsp://192.0.2.7/gate")
        server.mount("gate").faults.moved_to = ""
        assert caller.ask("DESCRIBE", "gate")[0] == 200


def test_a_transport_can_be_refused(street: Clip) -> None:
    with CameraServer({"gate": street}) as server, Caller(server.port) as caller:
        server.mount("gate").faults.refused_transport = "udp"
        assert caller.ask("SETUP", "gate/trackID=0", Transport="RTP/AVP;unicast;client_port=5000-5001")[0] == 461
        assert caller.ask("SETUP", "gate/trackID=0", Transport="RTP/AVP/TCP;interleaved=0-1")[0] == 200


@pytest.mark.parametrize("jump_seconds", [100.0, -5.0])
def test_timestamps_jump(jump_seconds: float, street: Clip) -> None:
    with CameraServer({"gate": street}) as server, watching(server.url("gate")) as camera:
        before = frames(camera, 3)[-1]
        server.mount("gate").faults.timestamp_jump_seconds = jump_seconds
        packets = [packet for packet in itertools.islice(camera.demux(video=0), 40) if packet.pts is not None]
    reached = float(packets[-1].pts * packets[-1].time_base) - seconds(before)
    assert reached == pytest.approx(jump_seconds + 40 * 0.02, abs=1.0)


def test_udp_loses_the_same_packets_with_the_same_seed(street: Clip) -> None:
    with CameraServer({"gate": street}) as server:
        server.mount("gate").faults.udp_loss = 0.3
        lost = [lost_among(server.port, 60) for _ in range(2)]
    assert lost[0] == lost[1]
    assert 8 <= len(lost[0]) <= 30


def lost_among(port: int, count: int) -> list[int]:
    """Return which of the first packets of a viewer over UDP are missing, counted from the first that arrives."""
    with Caller(port) as caller, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(3.0)
        own = receiver.getsockname()[1]
        ports = f"client_port={own}-{own + 1}"
        session = caller.ask("SETUP", "gate/trackID=0", Transport=f"RTP/AVP;unicast;{ports}")[1]["Session"]
        caller.ask("PLAY", "gate", Session=session)
        first, *others = sequences(receiver, count)
        arrived = {0, *(other - first & 0xFFFF for other in others)}
    return [number for number in range(count) if number not in arrived]


def sequences(receiver: socket.socket, count: int) -> list[int]:
    """Return the sequence numbers that arrive until `count` packets were sent."""
    found = [int.from_bytes(receiver.recv(2048)[2:4])]
    while found[-1] - found[0] & 0xFFFF < count:
        found.append(int.from_bytes(receiver.recv(2048)[2:4]))
    return found


def test_a_camera_changes_its_size_within_a_connection(street: Clip, wide: Clip) -> None:
    with CameraServer({"gate": street}) as server, watching(server.url("gate")) as camera:
        assert frames(camera, 5)[-1].width == 320
        server.switch("gate", wide)
        after = frames(camera, 40)
    assert after[-1].width == 480
    assert (number_in(after[-1]) or 0) >= 1000
    assert [seconds(frame) for frame in after] == sorted(seconds(frame) for frame in after)


def test_another_codec_needs_another_connection(street: Clip, hall: Clip) -> None:
    with CameraServer({"gate": street}) as server:
        with watching(server.url("gate")) as camera:
            server.switch("gate", hall)
            assert len(frames(camera, 1000)) < 1000
        with watching(server.url("gate")) as camera:
            assert frames(camera, 1)
            assert camera.streams.video[0].codec_context.name == "hevc"


def test_a_viewer_that_does_not_read_disturbs_nobody(street: Clip) -> None:
    with CameraServer({"gate": street}) as server, Caller(server.port) as lazy:
        session = lazy.ask("SETUP", "gate/trackID=0", Transport="RTP/AVP/TCP;interleaved=0-1")[1]["Session"]
        lazy.ask("PLAY", "gate", Session=session)
        with watching(server.url("gate")) as camera:
            began = time.monotonic()
            assert len(frames(camera, 40)) == 40
            assert time.monotonic() - began < 4.0


def test_what_is_no_request_ends_its_connection_alone(street: Clip) -> None:
    with CameraServer({"gate": street}) as server, Caller(server.port) as good, Caller(server.port) as bad:
        bad.connection.sendall(b"GET / HTTP/1.1\r\nHost: camera\r\n\r\n")
        assert bad.connection.recv(1) == b""
        assert good.ask("OPTIONS", "gate")[0] == 200
