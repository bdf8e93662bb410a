"""What a recorder writes: films that grow whatever the sound does, and journals whose every sample their own film shows."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import av
import pytest

from schemas.messages import Chunk, Life, RecordedSamples, Source
from services.decoder.cameras import recorder as recorder_file
from services.decoder.cameras.capture import Capture, Surroundings, _Session
from services.decoder.cameras.clock import CameraClock, Moment
from services.decoder.cameras.journals import Journals
from services.decoder.cameras.recorded import recorded_samples
from services.decoder.cameras.recorder import Recorder
from services.decoder.cameras.rtsp import CameraPacket, RtspCamera
from services.decoder.cameras.sampler import Sampler
from services.decoder.cameras.sound import CopiedSound
from services.decoder.cameras.spans import Noted
from services.decoder.metrics import METRICS
from streaming.metrics import Metrics
from streaming.secrets import SecretStore
from tests.camera.clips import Codec, write_clip
from tests.decoder.cameras.test_recorded import number_of

BEGIN_MS = 1_763_625_600_000
SOURCE_ID = "captured-z"
FRAME_MS = 40
STANDS_FROM_MS = 1_000


class Clip:
    """A file whose packets come as those of a camera do."""

    def __init__(self, path: Path) -> None:
        self._container: Any = av.open(str(path))
        self.video = self._container.streams.video[0]
        self.audio = next(iter(self._container.streams.audio), None)
        self.codec = self.video.codec_context.codec.canonical_name

    def packets(self) -> Iterator[tuple[Any, float]]:
        """Yield the packets and when they are shown, in ms after the first."""
        for packet in self._container.demux():
            if packet.size:
                yield packet, float(1000 * packet.pts * packet.time_base)

    def close(self) -> None:
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
