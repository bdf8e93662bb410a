"""Pictures of recordings at given times: those that were drawn then, from any kind of GOP."""

import errno
from io import FileIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from framebus.demo.camera.timecode import read_number
from originals.errors import Unreachable
from schemas.messages import Chunk, RecordedSamples
from schemas.recordings import Segment, life_folder
from services.decoder.cameras.recorded import recorded_samples
from tests.broken.films import rewritten
from tests.camera.clips import write_clip
from tests.decoder.footage import write_refused, write_video

BEGIN_MS = 1_763_625_600_000
FRAME_MS = 40
LAST_MS = BEGIN_MS + 60_000


@pytest.mark.parametrize(
    "clip", [{}, {"gop": 50, "b_frames": 2}, {"codec": "libx265"}, {"codec": "libx265", "gop": 30, "b_frames": 3}]
)
@pytest.mark.parametrize("numbers", [[0], [25, 50], [1, 24, 26, 49, 51, 99], [97]])
def test_pictures_are_those_of_their_times(tmp_path: Path, clip: dict[str, Any], numbers: list[int]) -> None:
    chunk = chunk_of([BEGIN_MS + FRAME_MS * number for number in numbers], own_from=1)
    write_clip(film_of(tmp_path), 100, **clip)
    samples = [sample for sample in recorded_samples(tmp_path, chunk) if sample is not None]
    assert [number_of(sample.sample.jpeg) for sample in samples] == numbers
    assert [sample.sample.t_ms for sample in samples] == list(chunk.recorded[0].times_ms)
    assert [(sample.seq, sample.context) for sample in samples] == [(seq, seq < 1) for seq in range(len(numbers))]


def test_what_a_film_does_not_show_is_left_out(tmp_path: Path) -> None:
    chunk = chunk_of([BEGIN_MS + FRAME_MS * number for number in (3, 60, 98)], own_from=0)
    assert [sample for sample in recorded_samples(tmp_path, chunk) if sample] == []
    film = write_clip(film_of(tmp_path), 100)
    film.write_bytes(film.read_bytes()[:20])
    assert [sample for sample in recorded_samples(tmp_path, chunk) if sample] == []


def test_a_film_whose_labels_are_no_text_is_read(tmp_path: Path) -> None:
    film = write_clip(film_of(tmp_path), 10)
    content = film.read_bytes()
    assert b"Lavf" in content
    film.write_bytes(content.replace(b"Lavf", b"\xff\xfe\xfd\xfc"))
    assert [sample for sample in recorded_samples(tmp_path, chunk_of([BEGIN_MS], own_from=0)) if sample]


def test_a_span_that_names_no_sample_of_a_film_has_none(tmp_path: Path) -> None:
    write_clip(film_of(tmp_path), 10)
    assert [sample for sample in recorded_samples(tmp_path, chunk_of([], own_from=0)) if sample] == []


def test_a_film_that_shows_its_times_twice_gives_each_sample_once(tmp_path: Path) -> None:
    numbers = [0, 10, 30]
    film = rewritten(write_clip(tmp_path / "clip.mp4", 100, gop=25), film_of(tmp_path), "frag_keyframe+empty_moov")
    content = film.read_bytes()
    film.write_bytes(content + content[content.index(b"moof") - 4 :])
    wanted = [BEGIN_MS + FRAME_MS * number for number in (*numbers, 900)]
    found = recorded_samples(tmp_path, chunk_of(wanted, own_from=0))
    assert [number_of(sample.sample.jpeg) for sample in found if sample] == numbers


@pytest.mark.parametrize("matrix", ["YCgCo", "bt2020c", "ictcp"])
def test_a_film_whose_colours_ffmpeg_does_not_convert_is_read(tmp_path: Path, matrix: str) -> None:
    write_video(film_of(tmp_path), [0, 500], options={"x264-params": f"colormatrix={matrix}"})
    found = recorded_samples(tmp_path, chunk_of([BEGIN_MS, BEGIN_MS + 500], own_from=0))
    assert [sample.sample.t_ms for sample in found if sample] == [BEGIN_MS, BEGIN_MS + 500]


def test_a_picture_that_cannot_be_sent_is_left_out(tmp_path: Path) -> None:
    write_refused(film_of(tmp_path))
    found = recorded_samples(tmp_path, chunk_of([BEGIN_MS, BEGIN_MS + 500, BEGIN_MS + 1_000], own_from=0))
    assert [(sample.sample.t_ms, sample.seq) for sample in found if sample] == [(BEGIN_MS, 0), (BEGIN_MS + 1_000, 1)]


class Failing(FileIO):
    """A file on a disk that fails after some reads."""

    reads_left = 0

    def read(self, size: int | None = -1, /) -> bytes:
        if self.reads_left == 0:
            raise OSError(errno.EIO, "Input/output error")
        self.reads_left -= 1
        return super().read(size) or b""


@pytest.mark.parametrize("reads", range(4))
def test_a_disk_that_fails_anywhere_in_a_film_makes_it_unreachable(
    reads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_clip(film_of(tmp_path), 100, size=(1280, 720))

    def opened(path: Path, _: str) -> FileIO:
        file = Failing(path)
        file.reads_left = reads
        return file

    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(Unreachable, match="cannot be read: Input/output error"):
        list(recorded_samples(tmp_path, chunk_of([BEGIN_MS + 40 * 97], own_from=0)))


def film_of(media: Path) -> Path:
    segment = Segment(BEGIN_MS, 1)
    path = media / life_folder("captured-z", 1) / segment.day / segment.name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def chunk_of(times_ms: list[int], *, own_from: int) -> Chunk:
    """Name samples of which those from the one at `own_from` become rows."""
    return Chunk(
        stream="captured-z/1/r0",
        source_id="captured-z",
        life=1,
        index=0,
        url="",
        fingerprint="",
        sample_fps=1.0,
        start_ms=[*times_ms, LAST_MS][own_from],
        end_ms=LAST_MS + 1,
        read_from_ms=0,
        read_until_ms=0,
        recorded=(RecordedSamples(start_ms=BEGIN_MS, run=1, times_ms=tuple(times_ms)),),
    )


def number_of(jpeg: bytes) -> int | None:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    return read_number(picture.astype(np.uint8))
