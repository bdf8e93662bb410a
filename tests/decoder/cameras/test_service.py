"""The decoder process with cameras of our own, on a real broker: samples, recordings, journals, faults, owners."""

import signal
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import count, pairwise
from pathlib import Path
from urllib.parse import quote

import av
import pytest

from framebus.demo.camera import CameraServer, Clip, LiveScene, read_clip
from framebus.demo.camera.timecode import read_number
from schemas.messages import SourceStatus
from streaming.admin import create_topics
from streaming.secrets import SecretStore, origin_of, split_password
from tests.camera.clips import write_clip
from tests.decoder.cameras.live_bus import Decoder, LiveBus
from tests.decoder.cameras.test_rtsp import with_pictures_for

LOGIN = ("viewer", "pa:ss/w?rd")
GRID_MS = 1000
numbers = count(int(time.time()))


@pytest.fixture(scope="module")
def bus(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveBus]:
    create_topics(kafka)
    folder = tmp_path_factory.mktemp("cameras")
    with closing(LiveBus(kafka, folder / "media", folder / "secrets")) as bus:
        yield bus


@pytest.fixture(scope="module")
def decoder(bus: LiveBus, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Decoder]:
    decoder = Decoder(bus, tmp_path_factory.mktemp("decoder") / "decoder.log")
    decoder.start()
    yield decoder
    assert decoder.end() == 0, decoder.log.read_text()


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Clip]:
    folder = tmp_path_factory.mktemp("clips")
    return {
        "h265": read_clip(write_clip(folder / "h265.mp4", 100, codec="libx265")),
        "b_frames": read_clip(write_clip(folder / "b.mp4", 100, gop=50, b_frames=2)),
        "wide": read_clip(write_clip(folder / "wide.mp4", 100, size=(480, 270))),
        "sound": (sound := read_clip(write_clip(folder / "sound.mp4", 100, sound_hertz=440))),
        "unknown_sound": in_a_format_that_nobody_knows(sound),
    }


def in_a_format_that_nobody_knows(clip: Clip) -> Clip:
    (video, sound) = clip.tracks
    return replace(clip, tracks=(video, replace(sound, encoding="SIREN14/16000", parameters="")))


@pytest.fixture(scope="module")
def server(clips: dict[str, Clip]) -> Iterator[CameraServer]:
    names = (
        "clock",
        "stall",
        "drop",
        "skew",
        "jump",
        "switch",
        "pause",
        "moves",
        "hangs",
        "login",
        "unrecorded",
        "quiet",
        "noise",
        "gone",
    )
    with CameraServer({**{name: LiveScene() for name in names}, **clips}) as server:
        server.mount("login").login = LOGIN
        yield server


@pytest.fixture
def name(bus: LiveBus) -> Iterator[str]:
    name = f"captured-{next(numbers)}"
    yield name
    bus.want(name, "rtsp://127.0.0.1/gone", wanted="removed")


def test_samples_show_the_moment_that_their_time_says(bus: LiveBus, decoder: Decoder, server: CameraServer, name: str) -> None:
    bus.want(name, server.url("clock"))
    bus.wait(lambda: len(bus.samples(name)) >= 5)
    samples = bus.samples(name)
    headers = [sample.headers for sample in samples]
    assert {(one.life, one.stream, one.run) for one in headers} == {(1, name, headers[0].run)}
    assert [one.seq for one in headers] == list(range(len(headers)))
    assert all(one.captured_ms == one.t_ms for one in headers)
    for sample in samples:
        assert sample.number is not None
        assert abs(sample.number - (sample.headers.t_ms or 0)) < 60, "the picture was drawn when its time says"
    points = [(one.t_ms or 0) // GRID_MS for one in headers[1:]]
    assert points == list(range(points[0], points[0] + len(points))), "one sample a grid point"
    bus.wait(lambda: (status := bus.status(name)) and status.camera and status.camera.decodes == "keyframes")
    status = bus.status(name)
    assert status is not None
    assert status.run == headers[0].run
    assert status.camera is not None
    assert (status.camera.codec, status.camera.clock) == ("h264", "reports")


def test_what_is_recorded_is_all_that_came_at_its_times(bus: LiveBus, decoder: Decoder, server: CameraServer, name: str) -> None:
    bus.want(name, server.url("clock"))
    bus.wait(lambda: len(bus.samples(name)) >= 4)
    bus.want(name, server.url("clock"), wanted="paused")
    bus.wait(lambda: bus.state(name)[0] == "paused")
    ((segment, path),) = bus.segments(name)
    shown = [(segment.start_ms + t_ms, number) for t_ms, number in pictures(path)]
    assert all(number is not None and abs(number - t_ms) < 60 for t_ms, number in shown)
    sent = {one.headers.t_ms: (one.partition, one.offset) for one in bus.samples(name)}
    bus.wait(lambda: {line.t_ms: (line.partition, line.offset) for line in bus.journal(name)} == sent, 5)
    assert {line.t_ms - segment.start_ms for line in bus.journal(name)} <= {t_ms for t_ms, _ in pictures(path)}
    assert bus.ends(name) == [segment.run]


@pytest.mark.parametrize("clip", ["h265", "b_frames", "sound", "unknown_sound"])
def test_other_codecs_b_frames_and_sound_are_captured(
    bus: LiveBus, decoder: Decoder, server: CameraServer, name: str, clip: str
) -> None:
    bus.want(name, server.url(clip), sample_fps=2.0)
    bus.wait(lambda: len(bus.samples(name)) >= 5)
    bus.want(name, server.url(clip), wanted="paused", sample_fps=2.0)
    bus.wait(lambda: bus.state(name)[0] == "paused")
    ((_, path),) = bus.segments(name)
    seen = [-1 if number is None else number for _, number in pictures(path)]
    assert -1 not in seen
    del seen[-3:]  # what was to be shown before the last ones may not have come
    assert all((later - earlier) % 100 == 1 for earlier, later in pairwise(seen)), "every frame, in the order of showing"
    with av.open(str(path)) as film:
        assert [stream.codec_context.name for stream in film.streams.audio] == (["aac"] if clip == "sound" else [])
    times = [sample.headers.t_ms or 0 for sample in bus.samples(name)]
    assert all(500 - 41 <= later - earlier <= 500 + 41 for earlier, later in pairwise(times[1:])), "twice a second"


def test_udp_is_asked_for_by_address(bus: LiveBus, decoder: Decoder, server: CameraServer, name: str) -> None:
    bus.want(name, server.url("clock") + "#udp")
    bus.wait(lambda: len(bus.samples(name)) >= 3)


def test_a_camera_that_takes_udp_alone_is_captured(bus: LiveBus, decoder: Decoder, server: CameraServer, name: str) -> None:
    server.mount("quiet").faults.refused_transport = "tcp"
    bus.want(name, server.url("quiet"))
    bus.wait(lambda: len(bus.samples(name)) >= 2)
    server.mount("quiet").faults.refused_transport = ""


def test_a_stall_is_noticed_within_seconds_and_the_camera_comes_back_by_itself(
    bus: LiveBus, decoder: Decoder, server: CameraServer, name: str
) -> None:
    bus.want(name, server.url("stall"))
    bus.wait(lambda: len(bus.samples(name)) >= 2)
    server.mount("stall").faults.stalled = True
    bus.wait(lambda: bus.state(name) == ("waiting", "the camera has stopped sending"), 8)
    first = bus.samples(name)[0].headers.run
    bus.wait(lambda: bus.ends(name) == [first], 2)
    before = len(bus.samples(name))
    server.mount("stall").faults.stalled = False
    began = time.monotonic()
    bus.wait(lambda: len(bus.samples(name)) > before, 8)
    assert time.monotonic() - began < 6.0
    again = bus.samples(name)[-1].headers
    assert (again.run or 0) > (first or 0)
    bus.wait(lambda: bus.state(name) == ("running", ""))


def test_a_camera_whose_pictures_stop_while_its_sound_goes_on_is_noticed_and_comes_back(
    bus: LiveBus, decoder: Decoder, name: str, clips: dict[str, Clip]
) -> None:
    with CameraServer({"own": clips["sound"]}) as own:
        bus.want(name, own.url("own"))
        bus.wait(lambda: len(bus.samples(name)) >= 2)
        own.switch("own", with_pictures_for(0.0, clips["sound"]))
        bus.wait(lambda: bus.state(name) == ("waiting", "the camera has stopped sending"), 8)
        before = len(bus.samples(name))
        own.switch("own", clips["sound"])
        bus.wait(lambda: len(bus.samples(name)) > before, 8)
        bus.want(name, own.url("own"), wanted="removed")


def test_a_camera_that_is_restarted_is_sampled_within_three_seconds(
    bus: LiveBus, decoder: Decoder, name: str, clips: dict[str, Clip]
) -> None:
    with CameraServer({"own": LiveScene()}) as own:
        bus.want(name, own.url("own"))
        bus.wait(lambda: len(bus.samples(name)) >= 2)
        own.go_down()
        bus.wait(lambda: bus.state(name)[0] == "waiting", 5)
        bus.wait(lambda: "nothing listens" in bus.state(name)[1], 5)
        since = bus.status(name)
        before = len(bus.samples(name))
        own.come_back()
        began = time.monotonic()
        bus.wait(lambda: len(bus.samples(name)) > before, 8)
        assert time.monotonic() - began < 3.0
        assert since is not None
        assert since.since_ms <= time.time() * 1000
        times = [sample.headers.t_ms or 0 for sample in bus.samples(name)]
        assert times == sorted(set(times))
        bus.want(name, own.url("own"), wanted="removed")


def test_a_clock_that_is_hours_off_is_told_and_arrival_is_used(
    bus: LiveBus, decoder: Decoder, server: CameraServer, name: str
) -> None:
    server.mount("skew").faults.clock_skew_seconds = -7200.0
    bus.want(name, server.url("skew"))
    bus.wait(lambda: len(bus.samples(name)) >= 3)
    assert all(abs((sample.number or 0) - (sample.headers.t_ms or 0)) < 400 for sample in bus.samples(name))
    bus.wait(lambda: (status := bus.status(name)) is not None and status.camera is not None and status.camera.clock == "arrival")
    status = bus.status(name)
    assert status is not None
    assert status.camera is not None
    assert abs((status.camera.clock_off_ms or 0) + 7_200_000) < 500


def test_timestamps_that_jump_begin_a_new_run_at_the_right_time(
    bus: LiveBus, decoder: Decoder, server: CameraServer, name: str
) -> None:
    bus.want(name, server.url("jump"))
    bus.wait(lambda: len(bus.samples(name)) >= 3)
    for jump_seconds in (500.0, -900.0):
        before = len(bus.samples(name))
        server.mount("jump").faults.timestamp_jump_seconds = jump_seconds
        bus.wait(lambda before=before: len(bus.samples(name)) >= before + 4)  # type: ignore[misc]
    samples = bus.samples(name)
    assert all(abs((sample.number or 0) - (sample.headers.t_ms or 0)) < 400 for sample in samples)
    times = [sample.headers.t_ms or 0 for sample in samples]
    assert times == sorted(set(times))
    runs = [sample.headers.run or 0 for sample in samples]
    assert runs == sorted(runs)
    assert len(set(runs)) >= 3


def test_another_size_of_picture_begins_a_new_run_and_another_file(
    bus: LiveBus, decoder: Decoder, server: CameraServer, name: str, clips: dict[str, Clip]
) -> None:
    bus.want(name, server.url("switch"))
    bus.wait(lambda: len(bus.samples(name)) >= 2)
    server.switch("switch", clips["wide"])
    bus.wait(lambda: (status := bus.status(name)) is not None and status.camera is not None and status.camera.width == 480)
    bus.wait(lambda: len({sample.headers.run for sample in bus.samples(name)}) >= 2)
    bus.want(name, server.url("switch"), wanted="paused")
    bus.wait(lambda: bus.state(name)[0] == "paused")
    sizes = []
    for _, path in bus.segments(name):
        with av.open(str(path)) as film:
            sizes.append({(frame.width, frame.height) for frame in film.decode(video=0)})
    assert sizes == [{(320, 180)}, {(480, 270)}]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("refuses", "nothing listens"),
        ("password", "wants a user and a password"),
        ("path", "no stream of this path"),
        ("outside", "outside the networks"),
        ("name", "is not known"),
        ("silent", "not answer"),
        ("garbage", "does not speak RTSP"),
        ("secret", "not in the secret store"),
    ],
)
def test_why_a_camera_gives_nothing_is_said_within_seconds(
    bus: LiveBus, decoder: Decoder, server: CameraServer, name: str, fault: str, words: str
) -> None:
    addresses = {
        "refuses": "rtsp://127.0.0.1:9/live",
        "password": server.url("login", login=("viewer", "wrong")),
        "path": server.url("clock") + "-not",
        "outside": "rtsp://192.0.2.7/live",
        "name": "rtsp://no-such-host.invalid/live",
        "silent": server.url("gone"),
        "garbage": server.url("noise"),
        "secret": "rtsp://viewer:${secret:absent}@127.0.0.1/live",
    }
    server.mount("gone").faults.silent = True
    server.mount("noise").faults.garbage = "answers"
    bus.want(name, addresses[fault])
    bus.wait(lambda: bus.state(name)[0] == "waiting" and words in bus.state(name)[1], 9)
    assert not bus.samples(name)
    bus.want(name, addresses[fault], wanted="removed")


def test_passwords_are_used_and_said_nowhere(bus: LiveBus, decoder: Decoder, server: CameraServer, name: str) -> None:
    kept, password = split_password(server.url("login", login=LOGIN), name)
    SecretStore(bus.secrets).put(name, password or "", origin_of(kept))
    bus.want(name, kept)
    bus.wait(lambda: len(bus.samples(name)) >= 2)
    SecretStore(bus.secrets).put(name, "w-r-o-n-g", origin_of(kept))
    server.drop("login")
    bus.wait(lambda: "wants a user and a password" in bus.state(name)[1], 9)
    said = decoder.log.read_text() + "".join(status.error or "" for status in bus.statuses)
    for secret in (*LOGIN[1:], quote(LOGIN[1], safe=""), "w-r-o-n-g"):
        assert secret not in said


def test_a_camera_that_is_not_recorded_leaves_no_file(bus: LiveBus, decoder: Decoder, server: CameraServer, name: str) -> None:
    bus.want(name, server.url("unrecorded"), record=False)
    bus.wait(lambda: len(bus.samples(name)) >= 2)
    assert bus.segments(name) == []


def test_a_paused_camera_is_silent_until_it_is_resumed(bus: LiveBus, decoder: Decoder, server: CameraServer, name: str) -> None:
    bus.want(name, server.url("pause"))
    bus.wait(lambda: len(bus.samples(name)) >= 2)
    bus.want(name, server.url("pause"), wanted="paused")
    bus.wait(lambda: bus.state(name)[0] == "paused")
    before = len(bus.samples(name))
    bus.wait(lambda: server.mount("pause").viewers == 0)
    bus.want(name, server.url("pause"))
    bus.wait(lambda: len(bus.samples(name)) > before + 1)
    runs = [sample.headers.run or 0 for sample in bus.samples(name)]
    assert runs[before] > runs[before - 1]


def test_the_run_of_a_camera_that_hangs_is_over_when_it_is_paused(
    bus: LiveBus, decoder: Decoder, server: CameraServer, name: str
) -> None:
    bus.want(name, server.url("hangs"))
    bus.wait(lambda: len(bus.samples(name)) >= 2)
    server.mount("hangs").faults.stalled = True
    bus.want(name, server.url("hangs"), wanted="paused")
    bus.wait(lambda: bus.state(name)[0] == "paused")
    bus.wait(lambda: bus.ends(name) == [bus.samples(name)[-1].headers.run], 2)
    server.mount("hangs").faults.stalled = False


def test_an_owner_whose_camera_another_speaks_for_has_the_last_word(
    bus: LiveBus, decoder: Decoder, server: CameraServer, name: str
) -> None:
    bus.want(name, server.url("clock"))
    bus.wait(lambda: len(bus.samples(name)) >= 2)
    first = bus.samples(name)[0].headers.run or 0
    larger = first + 60_000
    bus.say(sleeper := SourceStatus(source_id=name, life=1, state="waiting", since_ms=larger, error="it has slept", run=larger))
    bus.wait(lambda: bus.status(name) == sleeper)
    bus.wait(lambda: bus.state(name) == ("running", "") and runs(bus, name)[-1] > larger)
    last = runs(bus, name)[-1]
    assert said_run(bus, name) == last
    assert bus.ends(name) == [first]
    bus.say(replaced := SourceStatus(source_id=name, life=1, state="waiting", since_ms=larger, error="it has slept", run=first))
    bus.wait(lambda: bus.status(name) == replaced)
    bus.wait(lambda: bus.state(name) == ("running", ""))
    said, sent = bus.said(name), len(bus.samples(name))
    bus.wait(lambda: len(bus.samples(name)) >= sent + 5)
    assert bus.said(name) == said, "what it says itself it does not contradict"
    assert set(runs(bus, name)) == {first, last}, "a smaller run drops nothing of a larger one"
    bus.want(name, server.url("clock"), wanted="paused")
    bus.wait(lambda: bus.state(name)[0] == "paused")
    bus.say(sleeper)
    bus.wait(lambda: bus.statuses.count(sleeper) == 2 and bus.state(name)[0] == "paused")


@pytest.fixture
def other(bus: LiveBus, tmp_path: Path) -> Iterator[Decoder]:
    """Give a second decoder that is not started yet, and leave none behind, which would take what later tests ask for."""
    other = Decoder(bus, tmp_path / "other.log")
    yield other
    if other.process is not None and other.process.poll() is None:
        other.end(signal.SIGKILL)


def test_cameras_move_between_owners_and_are_captured_by_one(
    bus: LiveBus, decoder: Decoder, other: Decoder, server: CameraServer
) -> None:
    names = [f"captured-{next(numbers)}" for _ in range(10)]  # of six none was another's once: each moves or not by its id
    for one in names:
        bus.want(one, server.url("moves"))
    bus.wait(lambda: all(len(bus.samples(one)) >= 2 for one in names), 30)
    other.start()
    bus.wait(lambda: any(len(set(runs(bus, one))) == 2 for one in names), 30)
    moved = [one for one in names if len(set(runs(bus, one))) == 2]
    bus.wait(lambda: server.mount("moves").viewers == len(names))
    # A sample may reach Kafka a moment before the status that says its run: only a run that was said can be ended by another.
    bus.wait(lambda: all(said_run(bus, one) == runs(bus, one)[-1] for one in names))
    assert other.end(signal.SIGKILL) == -signal.SIGKILL
    bus.wait(lambda: all(len(set(runs(bus, one))) == 3 for one in moved), 40)
    for one in names:
        times = [sample.headers.t_ms for sample in bus.samples(one)]
        assert len(times) == len(set(times))
        assert runs(bus, one) == sorted(runs(bus, one)), "the largest run is the last"
        kept_runs = sorted(set(runs(bus, one)))
        assert set(kept_runs[:-1]) <= set(bus.ends(one)), "the owner that comes after ends what was left open"
        bus.want(one, server.url("moves"), wanted="removed")
    bus.wait(lambda: server.mount("moves").viewers == 0)


def said_run(bus: LiveBus, name: str) -> int | None:
    status = bus.status(name)
    return None if status is None else status.run


def runs(bus: LiveBus, name: str) -> list[int]:
    return [sample.headers.run or 0 for sample in bus.samples(name)]


def pictures(path: Path) -> list[tuple[int, int | None]]:
    """Return the pictures of a film: ms after the first, and the number that each carries."""
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        shown = [(frame.pts or 0, read_number(frame.to_ndarray(format="gray").astype("uint8"))) for frame in film.decode(stream)]
    first = shown[0][0]
    assert stream.time_base is not None
    return [(int((pts - first) * stream.time_base * 1000), number) for pts, number in shown]
