"""What befalls the cameras of a run: seen by a viewer, over TCP and over UDP that loses packets."""

from collections.abc import Iterator
from itertools import islice, pairwise

import av
import pytest
from av.error import FFmpegError

from tests.camera.watching import Transport, frames, seconds, watching
from tests.chaos.cameras import Camera, Cameras
from tests.chaos.faults import CAMERA_FAULTS, Fault, Kind

FRAME_SECONDS = 0.1


@pytest.fixture(scope="module")
def cameras() -> Iterator[Cameras]:
    with Cameras("scene", 2, over_udp=1, tell=lambda _: None) as running:
        yield running


def address(camera: Camera) -> tuple[str, Transport]:
    url, _, fragment = camera.url.partition("#")
    return url, "udp" if fragment else "tcp"


def test_each_is_watched_through_its_relay(cameras: Cameras) -> None:
    for camera in cameras.all:
        with watching(*address(camera)) as seen:
            assert len(frames(seen, 4)) == 4
        assert str(camera.server.port) not in camera.url
    assert "datagrams of cameras were lost" in cameras.notes()[0]


def test_what_stops_inside_a_picture_goes_on_with_the_rest_of_it(cameras: Cameras) -> None:
    camera = cameras.all[0]
    with watching(*address(camera)) as seen:
        frames(seen, 5)
        camera.relay.hold()
        with pytest.raises(FFmpegError), watching(*address(camera), within_seconds=0.3):
            pass
        camera.relay.release()
        times = [seconds(frame) for frame in frames(seen, 15)]
    assert all(later - earlier < 2 * FRAME_SECONDS for earlier, later in pairwise(times)), "nothing is missing"


def test_a_camera_comes_back_at_its_address_otherwise_than_it_was(cameras: Cameras) -> None:
    camera = cameras.all[0]
    for kind, codec, width in (
        ("recode", "hevc", 160),
        ("resize", "hevc", 224),
        ("recode", "h264", 224),
        ("resize", "h264", 160),
    ):
        steps = cameras._on(camera, Fault(0.0, kind, "camera", 0.0))  # type: ignore[arg-type]
        next(steps)
        with pytest.raises(av.error.ConnectionRefusedError), watching(*address(camera)):
            pass
        next(steps)
        with watching(*address(camera)) as seen:
            video = seen.streams.video[0].codec_context
            assert (video.name, frames(seen, 1)[0].width) == (codec, width)


def test_timestamps_come_to_where_they_wrap(cameras: Cameras) -> None:
    camera = cameras.all[0]
    camera.jump(camera.before_wrap_seconds())
    with watching(*address(camera)) as seen:
        frames(seen, 12)
    assert camera.before_wrap_seconds() < 0.5, "within a GOP of three seconds before"
    camera.jump(0.0)


@pytest.mark.parametrize("kind", sorted({kind for kind, _ in CAMERA_FAULTS}))
def test_a_fault_takes_a_camera_that_is_free_and_says_when_it_was_back(cameras: Cameras, kind: Kind) -> None:
    before = len(cameras.returns)
    steps = [cameras.begin(Fault(0.0, kind, "camera", 0.0)) for _ in range(3)]
    assert steps[2] is None, "there are two"
    for begun in steps[:2]:
        assert begun is not None
        assert list(islice(begun, 9))[-1] > 3.0, "left alone afterwards"
    returns = cameras.returns[before:]
    assert {one.source_id for one in returns} == {"scene-1", "scene-2"}
    assert all(one.kind == kind and one.began_ms <= one.back_ms for one in returns)
