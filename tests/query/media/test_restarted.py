"""A transport stream whose timestamps begin anew, or of which one is damaged, shows what was indexed of a moment."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from originals.timestamps import WRAPS
from schemas.messages import ChunkStatus, Plan, SourceStatus, Span
from services.decoder.timeline import Timeline as Indexed
from services.query.media.cutting import cut_clip
from services.query.media.picture import picture_at
from services.query.media.stretches import Stretch
from services.query.media.timeline import Continuation, Timeline
from tests.decoder.footage import SOUND_BEGINS, flip_pts
from tests.decoder.footage import video as decoder_video
from tests.query.media.conftest import ANYWHERE, Desk, file_source
from tests.query.media.drawn import read, shown_frames, write_video
from tests.query.media.test_thumbnails import decoded, never

WRAP, TIME_BASE = WRAPS["mpegts"], Fraction(1, 90_000)
SPACE = "pico-1@00000000"


def put_together(folder: Path, *frames: int, b_frames: str = "0", begin_ms: Sequence[int] = (0, 0, 0)) -> Path:
    """Write transport streams of so many frames, numbered through, that begin at such timestamps, one behind the other."""
    options, first, content = {"g": "25", "bf": b_frames}, 0, b""
    for count, begins_ms in zip(frames, begin_ms, strict=False):
        part = folder / f"{first}.ts"
        write_video(part, frames=count, options=options, audio="aac", first_number=first, first_pts=begins_ms)
        content += part.read_bytes()
        first += count
    path = folder / "all.ts"
    path.write_bytes(content)
    return path


def indexed(path: Path) -> list[tuple[int, int]]:
    """Return the time that the decoder gives each frame, and the number that it shows."""
    with decoder_video(path) as found:
        pictures = ((frame.t_ms, frame.decoded.to_ndarray(format="rgb24")) for frame in found.frames(0) if frame)
        return [(t_ms, read(np.asarray(picture, np.uint8))) for t_ms, picture in pictures]


def shown(path: Path, t_ms: int, *, rises: bool = False) -> int:
    return read(decoded(picture_at([Stretch(str(path), rises=rises)], t_ms, ANYWHERE, never)))


def sound_of(path: Path, clip: Path, start_ms: int, end_ms: int, *, rises: bool = False) -> list[float]:
    """Cut a clip; return the seconds at which its sounds begin."""
    cut_clip([Stretch(str(path), rises=rises)], start_ms, end_ms, clip, ANYWHERE, never)
    with av.open(str(clip)) as container:
        if not container.streams.audio:
            return []
        return [float(packet.pts * packet.time_base) for packet in container.demux(audio=0) if packet.pts is not None]


@pytest.mark.parametrize("b_frames", ["0", "3"])
def test_a_picture_is_the_one_that_was_indexed_in_every_part(tmp_path: Path, b_frames: str) -> None:
    path = put_together(tmp_path, 60, 90, 60, b_frames=b_frames)
    frames = indexed(path)
    assert len(frames) > 200
    borders = [place for place, (_, number) in enumerate(frames) if number in (60, 150)]
    asked = frames[::17] + [frame for place in borders for frame in frames[place - 3 : place + 3]]
    assert [shown(path, t_ms) for t_ms, _ in asked] == [number for _, number in asked]


@pytest.mark.parametrize("begin_ms", [(100_000, 0), (100_000, 39_000), (95_400_000, 95_000_000), (100_000, 95_440_000)])
def test_a_second_part_that_ffmpeg_takes_for_wrapped_goes_on_after_the_first(tmp_path: Path, begin_ms: Sequence[int]) -> None:
    path = put_together(tmp_path, 60, 90, b_frames="3", begin_ms=begin_ms)
    frames = indexed(path)
    assert (len(frames) > 145, frames[-1][0] < 6_000) == (True, True)
    asked = frames[::11] + [frame for frame in frames if 57 <= frame[1] <= 63]
    assert [shown(path, t_ms) for t_ms, _ in asked] == [number for _, number in asked]
    sound = sound_of(path, tmp_path / "clip.mp4", 3_500, 4_500)
    assert (len(sound) > 44, sound[0] < 0.05, sound[-1] > 0.95) == (True, True, True)


def test_a_film_whose_timestamps_wrap_is_the_same_sought_and_read_from_its_start(tmp_path: Path) -> None:
    path = put_together(tmp_path, 150, b_frames="3", begin_ms=(95_440_000,))
    with av.open(str(path)) as container:
        signs = [packet.pts > 0 for packet in container.demux(video=0) if packet.pts is not None]
    assert 30 < sum(signs) < 120, "FFmpeg counts from where they wrap"
    assert [t_ms for t_ms, _ in indexed(path)] == [number * 40 for number in range(150)]
    for number in (0, 24, 69, 70, 71, 72, 73, 99, 149):
        assert shown(path, number * 40, rises=True) == shown(path, number * 40) == number
    for rises in (False, True):
        assert len(sound_of(path, tmp_path / f"{rises}.mp4", 2_000, 4_000, rises=rises)) > 90


def test_a_sound_with_a_damaged_timestamp_silences_no_other(tmp_path: Path) -> None:
    path = put_together(tmp_path, 100)
    whole = sound_of(path, tmp_path / "whole.mp4", 2_000, 3_000)
    flip_pts(path, 2, 32, SOUND_BEGINS)
    assert sound_of(path, tmp_path / "clip.mp4", 2_000, 3_000) == whole


def test_sound_that_begins_anew_where_its_pictures_do_not_is_heard_on(tmp_path: Path) -> None:
    path = put_together(tmp_path, 90, 90, begin_ms=(10_000, 12_575))  # pictures step back by 985 ms, sound by more
    assert len(sound_of(path, tmp_path / "clip.mp4", 4_000, 5_000)) > 44


def test_a_clip_shows_what_was_indexed_of_its_span_also_across_the_border(tmp_path: Path) -> None:
    path = put_together(tmp_path, 60, 90)
    frames = indexed(path)
    for start_ms, end_ms in ((400, 1_000), (2_000, 3_000), (frames[80][0], frames[100][0])):
        clip = tmp_path / f"{start_ms}.mp4"
        cut_clip([Stretch(str(path), rises=False)], start_ms, end_ms, clip, ANYWHERE, never)
        wanted = [(t_ms - start_ms, number) for t_ms, number in frames if start_ms <= t_ms < end_ms]
        found = [(t_ms, read(picture)) for t_ms, picture in shown_frames(clip)]
        assert [number for _, number in found][: len(wanted)] == [number for _, number in wanted]
        assert all(abs(one - other) <= 41 for (one, _), (other, _) in zip(wanted, found, strict=False))


def test_a_film_of_one_part_is_the_same_sought_and_read_from_its_start(tmp_path: Path) -> None:
    path = put_together(tmp_path, 150, b_frames="3")
    for number in (0, 1, 24, 25, 26, 99, 149):
        assert shown(path, number * 40, rises=True) == shown(path, number * 40) == number


@pytest.mark.parametrize("rises", [True, False])
@pytest.mark.parametrize("bit", [32, 30])
def test_a_picture_with_a_damaged_timestamp_is_not_shown_for_another(tmp_path: Path, bit: int, rises: bool) -> None:
    path = write_video(tmp_path / "v.ts", options={"g": "25", "bf": "0"})
    flip_pts(path, 60, bit)
    for t_ms, number in indexed(path)[50:75]:
        if rises or not 61 <= number < 75:  # without it, those up to the next keyframe are no whole pictures
            assert shown(path, t_ms, rises=rises) == number


def test_it_is_shown_while_it_is_indexed_and_after(desk: Desk, tmp_path: Path) -> None:
    path = put_together(tmp_path, 60, 90)
    frames = indexed(path)
    desk.add(file_source("film", path))
    with decoder_video(path) as found:
        plan = Plan(
            life=1, fingerprint="f", duration_ms=found.duration_ms, sample_fps=2.0, seekable=False,
            chunks=(Span(index=0, start_ms=0, end_ms=1 << 40),),
        )  # fmt: skip
    done = ChunkStatus(stream="film/1/c0", source_id="film", life=1, index=0, space=SPACE, rows=12, last_t_ms=frames[-1][0])
    for t_ms, number in (frames[100], frames[120]):
        answer = desk.client.get("/v1/sources/film/thumbnail", params={"t_ms": t_ms})
        assert read(decoded(answer.content)) == number
        desk.book.follow_statuses([SourceStatus(source_id="film", life=1, state="running", since_ms=0, plan=plan)])
        desk.book.follow_chunks([done])
    (start_ms, number), (end_ms, _) = frames[90], frames[110]
    clip = desk.client.get("/v1/sources/film/clip", params={"start_ms": start_ms, "end_ms": end_ms})
    (tmp_path / "clip.mp4").write_bytes(clip.content)
    assert read(shown_frames(tmp_path / "clip.mp4")[0][1]) == number
    steady = msgspec.structs.replace(done, last_t_ms=plan.duration_ms)
    desk.book.follow_chunks([steady])
    assert desk.book.rises(file_source("film", path))


@given(
    steps=st.lists(st.one_of(st.integers(1, 80_000), st.integers(-(1 << 32), -90_000)), max_size=40),
    first=st.integers(0, WRAP - 1),
)
def test_what_begins_anew_is_moved_to_where_the_decoder_has_it(steps: list[int], first: int) -> None:
    given = [first]
    for step in steps:
        given.append((given[-1] + step) % WRAP)
    decoder, timeline = Indexed(TIME_BASE, first, WRAP), Timeline(TIME_BASE, first)
    continuation = Continuation(timeline, WRAP)
    for pts in given:
        moved_ms = timeline.t_ms(pts + continuation.picture(pts, pts))
        t_ms = decoder.place(pts)
        assert t_ms in (None, moved_ms)


@given(
    steps=st.lists(st.tuples(st.integers(3_600, 80_000) | st.integers(-(1 << 31), -90_000), st.integers(-1, 1)), max_size=40),
    first=st.integers(0, WRAP - 1),
)
def test_whole_rounds_that_are_added_to_timestamps_change_nothing(steps: list[tuple[int, int]], first: int) -> None:
    plain, timeline = Indexed(TIME_BASE, first, WRAP), Timeline(TIME_BASE, first)
    decoder, continuation, pts = Indexed(TIME_BASE, first, WRAP), Continuation(timeline, WRAP), first
    for step, rounds in [(0, 0), *steps]:
        pts += step
        added = pts + rounds * WRAP
        assert plain.place(pts) == decoder.place(added) == timeline.t_ms(added + continuation.picture(added, added))


def test_sound_goes_with_its_pictures_and_is_left_out_before_they_begin() -> None:
    continuation = Continuation(Timeline(TIME_BASE, 0), WRAP)
    assert [continuation.picture(pts, pts) for pts in (0, 90_000, 180_000)] == [0, 0, 0]
    assert [continuation.sound(dts) for dts in (175_000, 0)] == [0, None]
    assert continuation.picture(0, 0) == 180_090
    assert [continuation.sound(dts) for dts in (2_000, 4_000)] == [180_090, 180_090]


def test_one_sound_far_from_its_pictures_is_left_out_and_the_next_is_not() -> None:
    continuation = Continuation(Timeline(TIME_BASE, 0), WRAP)
    assert continuation.picture(0, 0) == 0
    assert [continuation.sound(dts) for dts in (0, 1 << 32, 4_000, 6_000 + (1 << 30), 8_000)] == [0, None, 0, None, 0]


def test_sound_that_alone_begins_anew_stays_with_its_pictures_and_is_not_heard_twice() -> None:
    continuation = Continuation(Timeline(TIME_BASE, 0), WRAP)
    assert [continuation.picture(pts, pts) for pts in (0, 90_000, 180_000, 99_000)] == [0, 0, 0, 0]
    assert [continuation.sound(dts) for dts in (178_000, 79_000, 177_000, 180_000, 182_000)] == [0, None, None, 0, 0]


def test_sound_goes_on_while_there_is_no_picture() -> None:
    continuation = Continuation(Timeline(TIME_BASE, 0), WRAP)
    assert [continuation.picture(pts, pts) for pts in (900_000, 1_800_000, 0)] == [0, 0, 1_800_090]
    assert {continuation.sound(dts) for dts in range(0, 90_000 * 60, 45_000)} == {1_800_090}
