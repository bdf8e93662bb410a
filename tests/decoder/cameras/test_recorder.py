"""What a recorder writes: films that grow whatever the sound does, and journals whose every sample their own film shows."""

import resource
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import av
import numpy as np
import pytest

from originals.whole_file import WholeFile
from schemas.messages import Chunk, Life, RecordedSamples, Source
from schemas.recordings import Segment, life_folder
from services.decoder.cameras import recorder as recorder_file
from services.decoder.cameras.capture import Capture, Surroundings, _Session
from services.decoder.cameras.clock import CameraClock, Moment
from services.decoder.cameras.journals import Journals
from services.decoder.cameras.recorded import recorded_samples
from services.decoder.cameras.recorder import Recorder
from services.decoder.cameras.rtsp import CameraPacket, RtspCamera
from services.decoder.cameras.sampler import Sampler
from services.decoder.cameras.sound import CopiedSound, aac_rate
from services.decoder.cameras.spans import Noted
from services.decoder.metrics import METRICS
from streaming.metrics import Metrics
from streaming.secrets import SecretStore
from tests.camera.clips import Codec, number_in, write_clip
from tests.decoder.cameras.test_recorded import number_of

BEGIN_MS = 1_763_625_600_000
SOURCE_ID = "captured-z"
FRAME_MS = 40
STANDS_FROM_MS = 1_000


class Clip:
    """A file whose packets come as those of a camera do."""

    def __init__(self, path: Path, sound: Path | None = None, **options: str) -> None:
        """Open with the sound of another file where one is named."""
        self._container: Any = av.open(str(path), options=options)
        self._heard: Any = self._container if sound is None else av.open(str(sound))
        self.video = self._container.streams.video[0]
        self.audio = next(iter(self._heard.streams.audio), None)
        self.codec = self.video.codec_context.codec.canonical_name

    def packets(self) -> Iterator[tuple[Any, float]]:
        """Yield the packets and when they are shown, in ms after the first."""
        packets = self._container.demux()
        if self._heard is not self._container:
            packets = sorted((*packets, *self._heard.demux()), key=lambda packet: (packet.pts or 0) * packet.time_base)
        for packet in packets:
            if packet.size:
                yield packet, float(1000 * packet.pts * packet.time_base)

    def close(self) -> None:
        self._heard.close()
        self._container.close()


@pytest.fixture
def talking(tmp_path: Path) -> Iterator[Clip]:
    """Four seconds with sound."""
    with closing(Clip(write_clip(tmp_path / "talking.mp4", 100, sound_hertz=440))) as clip:
        yield clip


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    recorder = Recorder(tmp_path, SOURCE_ID, 1)
    yield recorder
    recorder.end()


def as_camera(clip: Clip) -> RtspCamera:
    return cast("RtspCamera", clip)


def write(recorder: Recorder, clip: Clip, packet: Any, shown_ms: float) -> None:
    at = Moment(BEGIN_MS + int(shown_ms), BEGIN_MS + shown_ms, anew=False, repeated=False)
    recorder.video(as_camera(clip), packet, at, 1, keyframe=packet.is_keyframe)


def film_of(media: Path) -> Path:
    (film,) = media.rglob("*-1.mp4")
    return film


def packets_in(film: Path) -> Counter[str]:
    with av.open(str(film)) as container:
        return Counter(packet.stream.type for packet in container.demux() if packet.size)


def test_a_film_grows_though_the_sound_that_was_announced_never_comes(tmp_path: Path, recorder: Recorder, talking: Clip) -> None:
    for packet, shown_ms in talking.packets():
        if packet.stream is talking.video:
            write(recorder, talking, packet, shown_ms)
    assert packets_in(film_of(tmp_path))["video"] >= 100 - 1_100 // FRAME_MS, "a kill now costs a second and not ten"


@pytest.mark.parametrize("speed", [0.0, 0.001, -1.0])
def test_sound_whose_time_does_not_go_on_is_left_out_and_the_film_goes_on(
    speed: float, tmp_path: Path, recorder: Recorder, talking: Clip
) -> None:
    for packet, shown_ms in talking.packets():
        if packet.stream is talking.video:
            write(recorder, talking, packet, shown_ms)
        else:
            passed_ms = max(0.0, shown_ms - STANDS_FROM_MS)
            recorder.audio(packet, BEGIN_MS + shown_ms + (speed - 1) * passed_ms)
    recorder.end()
    assert recorder.error is None
    assert packets_in(film_of(tmp_path))["video"] == 100
    assert 10 <= packets_in(film_of(tmp_path))["audio"] <= 20, "that of the first second"


def record(recorder: Recorder, clip: Clip) -> None:
    """Give a recorder picture and sound of a clip, each at its time."""
    for packet, shown_ms in clip.packets():
        if packet.stream is clip.video:
            write(recorder, clip, packet, shown_ms)
        else:
            recorder.audio(packet, BEGIN_MS + shown_ms)


@pytest.mark.parametrize("error", [av.error.InvalidDataError(1, "not sound"), ValueError("of another format")])
def test_an_error_of_the_sound_costs_the_sound_and_not_the_film(
    error: Exception, tmp_path: Path, recorder: Recorder, talking: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed, fed = CopiedSound.feed, Counter[str]()

    def broken_after_ten(sound: CopiedSound, packet: Any, at: Any) -> Iterator[Any]:
        fed["packets"] += 1
        if fed["packets"] > 10:
            raise error
        yield from feed(sound, packet, at)

    monkeypatch.setattr(CopiedSound, "feed", broken_after_ten)
    record(recorder, talking)
    recorder.end()
    assert (recorder.error, fed["packets"]) == (None, 11)
    assert packets_in(film_of(tmp_path)) == {"video": 100, "audio": 10}


def test_a_disk_that_refuses_sound_refuses_the_film(
    tmp_path: Path, recorder: Recorder, talking: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> Iterator[Any]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(CopiedSound, "feed", full)
    record(recorder, talking)
    assert recorder.error == "not recorded: No space left on device"


def write_sound(path: Path, codec: str, rate: int) -> Path:
    """Write four seconds of a tone."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate, layout="mono")
        tone = (8_000 * np.sin(2 * np.pi * 440 * np.arange(4 * rate) / rate)).astype("<i2")
        for at in range(0, len(tone), 1_024):
            frame = av.AudioFrame.from_ndarray(tone[None, at : at + 1_024], format="s16", layout="mono")
            frame.sample_rate, frame.pts = rate, at
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "codec", "rate", "written_rate"),
    [
        ("telephone.wav", "pcm_alaw", 8_000, 16_000),
        ("slow.wav", "pcm_s16le", 6_000, 11_025),
        ("fast.wav", "pcm_s16le", 192_000, 96_000),
        ("slow.mp3", "libmp3lame", 8_000, 16_000),
        ("usual.mp3", "libmp3lame", 16_000, 16_000),
        ("undescribed.aac", "aac", 16_000, 16_000),
    ],
)
def test_sound_that_mp4_does_not_take_as_it_is_is_written_at_a_rate_that_players_take(
    name: str, codec: str, rate: int, written_rate: int, tmp_path: Path, recorder: Recorder
) -> None:
    sound = write_sound(tmp_path / name, codec, rate)
    with closing(Clip(write_clip(tmp_path / "silent.mp4", 100), sound)) as clip:
        record(recorder, clip)
    recorder.end()
    assert recorder.error is None
    assert packets_in(film_of(tmp_path))["video"] == 100
    with av.open(str(film_of(tmp_path))) as film:
        assert film.streams.audio[0].codec_context.sample_rate == written_rate
        assert 3.7 < sum(frame.samples for frame in film.decode(audio=0)) / written_rate < 4.3


@pytest.mark.parametrize("rate", [0, 1, 7_350, 384_000])
def test_every_rate_is_written_at_one_that_aac_has(rate: int) -> None:
    assert aac_rate(rate) == min(96_000, max(11_025, rate))


def test_sound_that_the_header_refuses_costs_the_sound_and_not_the_film(tmp_path: Path, recorder: Recorder) -> None:
    whole, damaged = write_sound(tmp_path / "whole.ogg", "libopus", 48_000), tmp_path / "damaged.mkv"
    with av.open(str(whole)) as read, av.open(str(damaged), "w") as written:
        stream = written.add_stream_from_template(read.streams.audio[0])
        stream.codec_context.extradata = b"OpusHead"
        for packet in read.demux():
            packet.stream = stream
            written.mux(packet)
    with closing(Clip(write_clip(tmp_path / "silent.mp4", 100), damaged)) as clip:
        record(recorder, clip)
    recorder.end()
    assert recorder.error is None
    assert packets_in(film_of(tmp_path)) == {"video": 100}


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_full_disk_leaves_no_file_open(tmp_path: Path, recorder: Recorder, talking: Clip) -> None:
    segment = Segment(BEGIN_MS, 1)
    film = tmp_path / life_folder(SOURCE_ID, 1) / segment.day / segment.name
    film.parent.mkdir(parents=True)
    film.symlink_to("/dev/full")
    keyframe, shown_ms = next(one for one in talking.packets() if one[0].stream is talking.video)
    before = open_files()
    for _ in range(4):
        recorder._retry_ms = 0
        write(recorder, talking, keyframe, shown_ms)
        assert recorder.error == "not recorded: No space left on device"
    assert open_files() == before


def test_a_disk_that_fills_up_within_a_film_leaves_no_file_open(tmp_path: Path, recorder: Recorder, talking: Clip) -> None:
    before = open_files()
    with files_of_at_most(20_000):
        record(recorder, talking)
    assert recorder.error == "not recorded: File too large"
    assert open_files() == before
    assert film_of(tmp_path).stat().st_size == 20_000


def test_a_file_takes_all_it_is_given_or_says_why_not(tmp_path: Path) -> None:
    with WholeFile(tmp_path / "film", "wb") as file:
        assert file.write(bytes(30_000)) == 30_000
        with files_of_at_most(40_000), pytest.raises(OSError, match="File too large"):
            file.write(bytes(30_000))
    assert (tmp_path / "film").stat().st_size == 40_000


@contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_a_camera_that_says_its_size_in_keyframes_alone_is_recorded_from_the_next_one(
    codec: Codec, tmp_path: Path, recorder: Recorder
) -> None:
    whole, late = write_clip(tmp_path / "whole.ts", 200, gop=100, codec=codec), tmp_path / "late.ts"
    with av.open(str(whole)) as read:
        begins = [packet.pos for packet in read.demux() if packet.size][30]
    assert begins is not None
    late.write_bytes(whole.read_bytes()[begins:])
    with closing(Clip(late, probesize="40000", analyzeduration="10000")) as clip:
        assert (clip.video.codec_context.width, clip.video.codec_context.extradata) == (0, None)
        record(recorder, clip)
    recorder.end()
    assert recorder.error is None
    with av.open(str(film_of(tmp_path))) as film:
        assert [number_in(frame) for frame in film.decode(video=0)] == list(range(100, 200))


@pytest.mark.parametrize(("codec", "b_frames"), [("libx264", 0), ("libx264", 2), ("libx265", 3)])
@pytest.mark.parametrize("sample_fps", [25.0, 5.0])
def test_every_sample_that_a_journal_notes_is_shown_by_its_own_film(
    codec: Codec, b_frames: int, sample_fps: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pictures are decoded late where there are B-frames: the last ones of a film when the next has begun."""
    monkeypatch.setattr(recorder_file, "SEGMENT_MS", 900)
    with closing(Clip(write_clip(tmp_path / "clip.mp4", 150, codec=codec, b_frames=b_frames))) as clip:
        capture_all(clip, sample_fps, tmp_path)
    noted = Journals(tmp_path, SOURCE_ID, 1).read(None)
    assert len({one.segment for one in noted}) == 6
    assert [one.line.seq for one in noted] == list(range(len(noted)))
    assert len(noted) >= (150 - b_frames - 10) * sample_fps / 25, "few pictures are left out"
    for one in noted:
        assert shown(one, tmp_path) == [(one.line.t_ms - BEGIN_MS) // FRAME_MS]


def capture_all(clip: Clip, sample_fps: float, media: Path) -> None:
    """Sample and record a clip as a camera is."""
    outbox = SimpleNamespace(answers=0, offer=lambda *_, **__: True)
    around = Surroundings(cast("Any", outbox), Metrics(METRICS), SecretStore(media), (), media)
    lives = (Life(life=1, began_ms=0),)
    source = Source(source_id=SOURCE_ID, kind="camera", life=1, lives=lives, url="", sample_fps=sample_fps)
    capture = Capture(source, None, around)
    sampler = Sampler(as_camera(clip), capture._grid, capture._cadence)
    session = _Session(as_camera(clip), CameraClock(1000 / sample_fps), sampler)
    for number, (packet, shown_ms) in enumerate(clip.packets()):
        came_ms = BEGIN_MS + FRAME_MS * number + 200.0
        taken = CameraPacket(packet, True, bool(packet.is_keyframe), shown_ms, came_ms, BEGIN_MS + shown_ms)
        session.clock.hear(taken.pts_ms, taken.arrival_ms)
        capture._take(session, taken)
    assert capture._recorder is not None
    capture._recorder.end()


def shown(noted: Noted, media: Path) -> list[int | None]:
    """Return the numbers of the pictures that its film shows of a sample."""
    t_ms, segment = noted.line.t_ms, noted.segment
    chunk = Chunk(
        stream=f"{SOURCE_ID}/1/r0", source_id=SOURCE_ID, life=1, index=0, url="", fingerprint="", sample_fps=1.0,
        start_ms=t_ms, end_ms=t_ms + 1, read_from_ms=0, read_until_ms=0,
        recorded=(RecordedSamples(start_ms=segment.start_ms, run=segment.run, times_ms=(t_ms,)),),
    )  # fmt: skip
    return [number_of(sample.sample.jpeg) for sample in recorded_samples(media, chunk) if sample is not None]
