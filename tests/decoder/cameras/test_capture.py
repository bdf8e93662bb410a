"""What a capture does where Kafka takes nothing, where another has begun a larger run of its camera, and with odd cameras."""

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import av
import msgspec
import pytest

from schemas.headers import decode_frame_headers
from schemas.messages import Camera as Described
from schemas.messages import Life, Source, SourceStatus, decode
from schemas.producer_clock import RUN_LIMIT_MS, is_run_of_a_camera
from schemas.recordings import JournalLine, Segment, life_folder
from schemas.topics import SOURCE_STATUS
from services.decoder.cameras import capture as capture_file
from services.decoder.cameras.capture import Capture, Surroundings, _Session
from services.decoder.cameras.clock import CameraClock, Moment
from services.decoder.cameras.errors import CameraDown
from services.decoder.cameras.rtsp import CameraPacket
from services.decoder.cameras.sampler import CameraSample
from services.decoder.metrics import METRICS, UNUSABLE
from services.decoder.picture import Picture
from services.decoder.reports import now_ms
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.secrets import SecretStore
from tests.camera.clips import write_clip
from tests.decoder.cameras.test_parameters import keyframe
from tests.decoder.cameras.test_recorder import Clip

SOURCE = Source(source_id="a", kind="camera", life=1, lives=(Life(life=1, began_ms=0),), url="", sample_fps=1.0, record=False)
PICTURE = bytes(500_000)
SAMPLES = 200
"""More than the queue of a producer holds."""


def test_where_kafka_takes_no_picture_one_run_is_given_up_and_not_one_a_sample(tmp_path: Path) -> None:
    metrics = Metrics(METRICS)
    around = Surroundings(Outbox("127.0.0.1:1", "test", metrics), metrics, SecretStore(tmp_path), (), tmp_path)
    capture, session = Capture(SOURCE, None, around), SimpleNamespace(described=lambda _: camera())
    capture._run = 1
    runs = []
    for number in range(SAMPLES):
        capture._send(as_session(session), sample(number))
        runs.append(capture._run)
    assert capture._broken
    assert set(runs) == {1}


def test_a_new_run_begins_with_the_first_sample_after_kafka_has_answered(capture: Capture, heard: "Heard") -> None:
    session = SimpleNamespace(described=lambda _: camera())
    capture._run, heard.is_full = 7, True
    for number in range(3):
        capture._send(as_session(session), sample(number))
    heard.is_full = False
    capture._send(as_session(session), sample(3))
    assert (capture._run, capture._broken) == (7, True)
    heard.answers += 1
    capture._send(as_session(session), sample(4))
    assert (capture._run or 0) > 900
    assert (capture._broken, capture._seq) == (False, 1)


@dataclass
class Heard:
    """An outbox that keeps what it is offered, pictures aside."""

    answers: int = 0
    is_full: bool = False
    marks: list[int | None] = field(default_factory=list)
    statuses: list[SourceStatus] = field(default_factory=list)
    times_ms: list[int] = field(default_factory=list)

    def offer(self, topic: str, value: bytes, *, headers: Any, **_: Any) -> bool:
        if value == PICTURE:
            return not self.is_full
        if topic == SOURCE_STATUS.name:
            self.statuses.append(decode(value, SourceStatus))
        elif (t_ms := decode_frame_headers(headers).t_ms) is None:
            self.marks.append(decode_frame_headers(headers).run)
        else:
            self.times_ms.append(t_ms)
        return True


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def capture(heard: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Capture:
    """Make a capture that begins where another has left run 5, and has heard of run 900 for long enough."""
    monkeypatch.setattr("services.decoder.cameras.capture.CONTESTED_SECONDS", 0.0)
    around = Surroundings(cast("Any", heard), Metrics(METRICS), SecretStore(tmp_path), (), tmp_path)
    capture = Capture(SOURCE, said(run=5), around)
    capture.hear(said(run=900))
    return capture


def test_a_larger_run_that_is_heard_of_while_the_camera_is_away_is_ended_and_its_number_kept(
    capture: Capture, heard: Heard
) -> None:
    capture._left_run = None
    capture._down("it is away")
    assert [(status.state, status.run) for status in heard.statuses] == [("waiting", 900)]
    capture._end_run()
    assert heard.marks == [900]
    assert capture._next_run() > 900
    capture._down("it is away")
    capture._end_run()
    assert (len(heard.statuses), heard.marks) == (1, [900])


def test_a_capture_that_came_back_begins_anew_when_another_is_heard_of_whatever_run_that_one_says(capture: Capture) -> None:
    capture._run = 1000
    capture.hear(said(run=5))
    assert not capture._speak_up(), "a smaller run drops nothing of a larger one"
    capture.come_back()
    capture.hear(said(run=5))
    assert capture._speak_up(), "it may have ended the run that it found"
    assert capture._next_run() > 1001


def test_a_capture_says_that_it_begins_though_that_is_no_news(heard: Heard, tmp_path: Path) -> None:
    known = SourceStatus(source_id="a", life=1, state="waiting", since_ms=1, error="the capture begins again", run=7_000)
    begin_and_end(heard, tmp_path, known)
    assert heard.statuses[0] == known


def test_a_run_that_is_outrun_goes_on_until_the_next_keyframe(capture: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    passed: list[tuple[float, int | None]] = []
    monkeypatch.setattr(capture, "_pass_on", lambda _, packet, at: passed.append((packet.pts_ms, capture._run)))
    session = SimpleNamespace(
        clock=CameraClock(1000.0), sampler=SimpleNamespace(begin_run=lambda: None), check_parameters=lambda _: None,
        waits_for_keyframe=False, is_outrun=False, offset_ms=None,
    )  # fmt: skip
    capture._run = 7
    for number in range(4):
        packet = CameraPacket(None, True, number == 3, 40.0 * number, 1e9 + 40.0 * number, None)
        session.clock.hear(packet.pts_ms, packet.arrival_ms)
        if number > 0:
            capture._take(as_session(session), packet)
        else:
            session.clock.place(packet.pts_ms, None)
    assert [pts_ms for pts_ms, _ in passed] == [40.0, 80.0, 120.0]
    assert [run for _, run in passed[:2]] == [7, 7]
    assert (passed[2][1] or 0) > 900


def begin_and_end(heard: Heard, media: Path, known: SourceStatus | None) -> Capture:
    """Let a capture of a recorded camera begin and end whose address leads nowhere."""
    around = Surroundings(cast("Any", heard), Metrics(METRICS), SecretStore(media), (), media)
    capture = Capture(msgspec.structs.replace(SOURCE, record=True), known, around)
    capture.start()
    capture.stop()
    capture.end(5.0)
    assert capture.has_ended
    return capture


@pytest.mark.parametrize(("known_run", "left_run"), [(None, 8_000), (7_000, 8_000), (9_000, 9_000)])
def test_a_run_that_only_the_journals_know_of_is_ended_though_its_camera_does_not_come_back(
    known_run: int | None, left_run: int, heard: Heard, tmp_path: Path
) -> None:
    note(tmp_path, Segment(1_000, 6_000), 6_000)
    note(tmp_path, Segment(2_000, 8_000), 8_000)
    begin_and_end(heard, tmp_path, None if known_run is None else said(run=known_run))
    assert heard.marks == [left_run]


def test_a_run_that_began_inside_the_newest_segment_is_ended_and_the_next_one_is_larger(heard: Heard, tmp_path: Path) -> None:
    later = now_ms() + RUN_LIMIT_MS - 60_000
    note(tmp_path, Segment(2_000, 8_000), 8_000, later)
    capture = begin_and_end(heard, tmp_path, said(run=7_000))
    assert heard.marks == [later]
    assert capture._next_run() > later, "or readers would drop it"


def test_a_run_that_a_clock_has_begun_which_was_a_year_ahead_raises_no_other(heard: Heard, tmp_path: Path) -> None:
    far = now_ms() + 2 * RUN_LIMIT_MS
    note(tmp_path, Segment(far, far), far)
    capture = begin_and_end(heard, tmp_path, said(run=far))
    assert is_run_of_a_camera(capture._next_run(), now_ms()), "or readers would refuse it"
    capture._run = far
    assert is_run_of_a_camera(capture._next_run(), now_ms())


def test_where_the_journals_cannot_be_read_the_run_that_was_said_is_ended(heard: Heard, tmp_path: Path) -> None:
    (tmp_path / life_folder("a", 1)).parent.mkdir(parents=True)
    (tmp_path / life_folder("a", 1)).write_text("no folder")
    begin_and_end(heard, tmp_path, said(run=7_000))
    assert heard.marks == [7_000]


def note(media: Path, segment: Segment, *runs: int) -> None:
    """Note a sample of each run in a segment, which Kafka has not acknowledged."""
    journal = media / life_folder("a", 1) / segment.day / segment.journal_name
    journal.parent.mkdir(parents=True, exist_ok=True)
    lines = [JournalLine(segment.start_ms + 1_000 * number, run, 0, 1_000 * number) for number, run in enumerate(runs)]
    journal.write_text("".join(line.text() for line in lines))


def said(run: int) -> SourceStatus:
    return SourceStatus(source_id="a", life=1, state="running", since_ms=run, run=run)


def sample(number: int) -> CameraSample:
    return CameraSample(Picture(number, PICTURE, 2, 2), Moment(number, number, anew=False, repeated=False))


def camera() -> Described:
    return Described(codec="h264", width=2, height=2, decodes="frames", gop_ms=None, clock="arrival", clock_off_ms=None)


def as_session(session: Any) -> Any:
    return session


BEGIN_MS = 1_763_625_600_000
FRAME_MS = 40


@dataclass
class Camera:
    """A camera that sends what was made beforehand, and ends the connection then."""

    video: Any
    sends: Iterable[CameraPacket]
    codec: str = "h264"
    audio: None = None

    def packets(self) -> Iterator[CameraPacket]:
        yield from self.sends
        raise CameraDown("the camera has ended the connection")

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def connect(heard: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Capture]:
    """Return what makes a capture of a camera."""

    def connected(camera: Camera, *, record: bool = False) -> Capture:
        monkeypatch.setattr(capture_file, "find", lambda *_: None)
        monkeypatch.setattr(capture_file, "RtspCamera", lambda *_: camera)
        around = Surroundings(cast("Any", heard), Metrics(METRICS), SecretStore(tmp_path), (), tmp_path)
        return Capture(msgspec.structs.replace(SOURCE, record=record), None, around)

    return connected


@pytest.fixture
def clip(tmp_path: Path) -> Iterator[Clip]:
    with closing(Clip(write_clip(tmp_path / "clip.mp4", 300))) as clip:
        yield clip


@pytest.mark.parametrize("jump_ms", [-3_600_000, 3_600_000, -1_500])
def test_timestamps_that_jump_at_the_beginning_of_a_connection_cost_what_lies_before_the_jump(
    jump_ms: int, clip: Clip, heard: Heard, connect: Callable[..., Capture]
) -> None:
    sends = [
        CameraPacket(packet, True, packet.is_keyframe, shown_ms + (jump_ms if number >= 4 else 0), BEGIN_MS + shown_ms + 5, None)
        for number, (packet, shown_ms) in enumerate(clip.packets())
    ]
    with pytest.raises(CameraDown, match="ended the connection"):
        connect(Camera(clip.video, sends))._capture()
    assert [round((t_ms - BEGIN_MS) / 1000) for t_ms in heard.times_ms] == list(range(1, 12))
    assert all(abs((t_ms - BEGIN_MS) % 1000) <= FRAME_MS for t_ms in heard.times_ms), "keyframes, at the times at which they came"


def noise(seconds: int, *, from_seconds: int = 0, gop: int = 25) -> Iterator[CameraPacket]:
    """Yield pictures that no decoder can read; every `gop`th is called a keyframe, none for 0."""
    draw = random.Random(1)
    for number in range(25 * from_seconds, 25 * (from_seconds + seconds)):
        packet = av.Packet(draw.randbytes(2_000))
        packet.pts, packet.dts, packet.time_base = number * FRAME_MS, number * FRAME_MS, Fraction(1, 1000)
        yield CameraPacket(packet, True, gop > 0 and number % gop == 0, packet.pts, BEGIN_MS + packet.pts + 5, None)


def of(clip: Clip, from_seconds: int = 0) -> Iterator[CameraPacket]:
    """Yield the packets of a clip as a camera sends them."""
    for packet, shown_ms in clip.packets():
        pts_ms = shown_ms + 1_000 * from_seconds
        yield CameraPacket(packet, True, packet.is_keyframe, pts_ms, BEGIN_MS + pts_ms + 5, None)


@pytest.mark.parametrize(("gop", "why"), [(0, "the camera sends no keyframe"), (25, "the camera's pictures cannot be decoded")])
def test_a_camera_that_sends_for_ever_and_never_gives_a_picture_is_left_and_says_why(
    gop: int, why: str, clip: Clip, heard: Heard, connect: Callable[..., Capture]
) -> None:
    capture = connect(Camera(clip.video, sent := iter(list(noise(60, gop=gop)))))
    with pytest.raises(CameraDown, match=why) as down:
        capture._capture()
    assert len(list(sent)) == pytest.approx(1000 * (60 - 15) // FRAME_MS, abs=3)
    capture._down(str(down.value))
    assert [(status.state, status.error) for status in heard.statuses] == [("waiting", why)]


def test_pictures_that_cannot_be_decoded_are_counted_while_the_connection_lasts(
    clip: Clip, connect: Callable[..., Capture]
) -> None:
    counted: list[float] = []
    camera = Camera(clip.video, ())
    counting = connect(camera)

    def sends() -> Iterator[CameraPacket]:
        for packet in noise(10):
            counted.append(counting._around.metrics.of(UNUSABLE)._value.get())
            yield packet

    camera.sends = sends()
    with pytest.raises(CameraDown, match="ended the connection"):
        counting._capture()
    assert 0 < counted[100] < counted[200]


def test_a_stretch_of_noise_costs_its_pictures_and_not_the_connection(
    clip: Clip, heard: Heard, connect: Callable[..., Capture]
) -> None:
    capture = connect(Camera(clip.video, chain(noise(8), of(clip, 8))))
    with pytest.raises(CameraDown, match="ended the connection"):
        capture._capture()
    assert [round((t_ms - BEGIN_MS) / 1000) for t_ms in heard.times_ms] == list(range(8, 20))


def test_what_could_not_be_decoded_is_recorded_again_once_it_can_be(
    clip: Clip, tmp_path: Path, connect: Callable[..., Capture]
) -> None:
    camera = Camera(clip.video, noise(30))
    capture = connect(camera, record=True)
    with pytest.raises(CameraDown, match="cannot be decoded"):
        capture._capture()
    before = set(tmp_path.rglob("*.mp4"))
    camera.sends = noise(30, from_seconds=30)
    with pytest.raises(CameraDown, match="cannot be decoded"):
        capture._capture()
    assert set(tmp_path.rglob("*.mp4")) == before
    camera.sends = of(clip, 60)
    with pytest.raises(CameraDown, match="ended the connection"):
        capture._capture()
    (film,) = set(tmp_path.rglob("*.mp4")) - before
    assert film.with_suffix(".samples").read_text().startswith(f"{BEGIN_MS + 60_005} "), "with the picture that was decoded"


def slowed(clip: Clip, from_seconds: int = 0) -> Iterator[CameraPacket]:
    """Yield the packets of a clip as a camera sends them that sends few pictures: 1.2 s apart."""
    for packet in of(clip):
        pts_ms = 30 * packet.pts_ms + 1_000 * from_seconds
        yield replace(packet, pts_ms=pts_ms, arrival_ms=BEGIN_MS + pts_ms + 5)


def test_a_camera_without_further_keyframes_is_recorded_in_films_of_minutes_that_each_begin_with_one(
    tmp_path: Path, connect: Callable[..., Capture]
) -> None:
    write_clip(tmp_path / "one.mp4", 300, gop=300)
    capture = connect(camera := Camera(None, ()), record=True)
    for from_seconds in (0, 301):
        with closing(Clip(tmp_path / "one.mp4")) as clip:
            camera.video, camera.sends = clip.video, slowed(clip, from_seconds)
            with pytest.raises(CameraDown, match="has sent no keyframe for minutes"):
                capture._capture()
    films = sorted(tmp_path.rglob("*-*.mp4"))
    assert [int(film.name.split("-")[0]) - BEGIN_MS for film in films] == [5, 301_005]
    for film in films:
        with av.open(str(film)) as container:
            shown = [packet.is_keyframe for packet in container.demux() if packet.size]
        assert shown == [True] + [False] * 250


def test_a_camera_that_is_not_recorded_may_go_on_without_further_keyframes(
    tmp_path: Path, heard: Heard, connect: Callable[..., Capture]
) -> None:
    with closing(Clip(write_clip(tmp_path / "one.mp4", 300, gop=300))) as clip:
        with pytest.raises(CameraDown, match="ended the connection"):
            connect(Camera(clip.video, slowed(clip)))._capture()
        assert len(heard.times_ms) == 300


def test_sound_that_counts_faster_than_the_pictures_is_left_out(connect: Callable[..., Capture]) -> None:
    capture, heard_ms = connect(Camera(None, ()), record=True), list[float]()
    capture._recorder = cast("Any", SimpleNamespace(audio=lambda _, at_ms: heard_ms.append(at_ms)))
    session = as_session(SimpleNamespace(offset_ms=None))
    for ahead_ms in (0.0, 2_000.0, 4_000.0, 600_000.0):
        capture._take(session, CameraPacket(None, False, False, ahead_ms, BEGIN_MS, None))
        session.offset_ms = float(BEGIN_MS)
        capture._take(session, CameraPacket(None, False, False, ahead_ms, BEGIN_MS, None))
        session.offset_ms = None
    assert heard_ms == [BEGIN_MS, BEGIN_MS + 2_000]


def test_a_camera_whose_times_were_all_sampled_before_says_so(clip: Clip, connect: Callable[..., Capture]) -> None:
    capture = connect(Camera(clip.video, noise(30)))
    capture._last_ms = BEGIN_MS + 3_600_000
    with pytest.raises(CameraDown, match="a clock was set back: pictures of these times were sampled before"):
        capture._capture()


def described_as(width: int, height: int) -> Any:
    """Return a stream whose description has the parameters of this size."""
    codec_context = SimpleNamespace(codec=SimpleNamespace(name="h264"), extradata=keyframe("libx264", width, height)[:200])
    return SimpleNamespace(codec_context=codec_context, sample_aspect_ratio=None)


def keyframes(*sizes: tuple[int, int] | None) -> Iterator[CameraPacket]:
    """Yield keyframes, one a second; None for one that carries no parameters."""
    for number, size in enumerate(sizes):
        content = keyframe("libx264", *(size or SMALL))
        packet = av.Packet(content if size else content[content.index(b"\x00\x00\x01\x65") :])
        packet.pts, packet.dts, packet.time_base = 1_000 * number, 1_000 * number, Fraction(1, 1000)
        yield CameraPacket(packet, True, True, 1_000.0 * number, BEGIN_MS + 1_000 * number + 5, None)


SMALL, LARGE = (320, 180), (480, 270)
CHANGED = "the camera has changed its picture's size or profile"


def check(session: _Session, *sizes: tuple[int, int] | None) -> None:
    for packet in keyframes(*sizes):
        session.check_parameters(packet)


def session_of(size: tuple[int, int], sent_before: bytes = b"") -> _Session:
    return _Session(as_session(Camera(described_as(*size), ())), CameraClock(1000.0), as_session(None), sent_before)


def test_a_picture_is_of_another_size_than_the_camera_was_described_with() -> None:
    check(session_of(SMALL), None, SMALL, None, SMALL)
    for sizes in ([LARGE], [SMALL, LARGE], [None, LARGE], [SMALL, None, LARGE]):
        with pytest.raises(CameraDown, match=CHANGED):
            check(session_of(SMALL), *sizes)


def test_what_was_sent_before_excuses_the_first_keyframe_alone() -> None:
    before = session_of(LARGE).parameters
    check(session_of(SMALL, before), LARGE, LARGE)
    for sizes in ([None, LARGE], [SMALL, LARGE], [LARGE, SMALL]):
        with pytest.raises(CameraDown, match=CHANGED):
            check(session_of(SMALL, before), *sizes)


def test_a_camera_that_describes_itself_wrongly_is_opened_again_once(heard: Heard, connect: Callable[..., Capture]) -> None:
    camera = Camera(described_as(*SMALL), ())
    capture = connect(camera)
    for why, is_sampled in ((CHANGED, False), ("ended the connection", True), ("ended the connection", True)):
        heard.times_ms.clear()
        camera.sends = keyframes(*[LARGE] * 9)
        with pytest.raises(CameraDown, match=why):
            capture._capture()
        assert bool(heard.times_ms) == is_sampled
        capture._last_ms = None
