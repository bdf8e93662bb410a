"""What Chromium shows at time 0 of a clip, by its pixels."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.query.corpus import file_source
from tests.query.media.drawn import BARS, FPS, write_video
from tests.query.media.recorded import camera_source, record
from tests.web.conftest import SHOWN_NUMBER, Visit

LONG_GOPS = {"g": "50", "bf": "3"}
OPEN_CLIP = """(address) => new Promise((opened, failed) => {
  const video = document.createElement("video");
  video.onloadeddata = () => opened(video);
  video.onerror = () => failed(new Error(video.error.message));
  video.src = address;
  document.body.append(video);
})"""

SEEN_WHILE_PLAYING = """async ([video, from_seconds, until_seconds]) => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const seen = [];
  await new Promise((reached) => { video.onseeked = reached; video.currentTime = from_seconds; });
  await new Promise((reached, failed) => {
    video.onerror = () => failed(new Error(video.error.message));
    video.onended = reached;
    video.requestVideoFrameCallback(function look(_, shown) {
      context.drawImage(video, 0, 0);
      const row = context.getImageData(0, canvas.height / 2, canvas.width, 1).data;
      const bars = Array.from({ length: BARS }, (_, bar) => Math.round((bar + 0.5) * canvas.width / BARS));
      seen.push([shown.mediaTime, bars.reduce((sum, x, bar) => sum + (row[4 * x] > 128 ? 1 << bar : 0), 0)]);
      if (shown.mediaTime >= until_seconds) reached(); else video.requestVideoFrameCallback(look);
    });
    video.play();
  });
  video.pause();
  return seen;
}""".replace("BARS", str(BARS))
"""Plays a part and returns the [time, number] of every frame that was painted."""
NOON_MS = 1_795_176_000_000


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("bframes.mp4", {"options": LONG_GOPS, "audio": "aac"}),
        ("bframes.mkv", {"options": LONG_GOPS, "audio": "flac"}),
        ("late-start.ts", {"options": LONG_GOPS, "first_pts": 60_000}),
        ("hevc.mp4", {"codec": "libx265", "audio": "ac3"}),
        ("ten-bit.mp4", {"pix_fmt": "yuv420p10le"}),
        ("vp9.webm", {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}, "audio": "libopus"}),
    ],
)
def test_the_first_picture_is_the_one_at_the_start_of_the_span(visit: Visit, name: str, written: dict[str, Any]) -> None:
    source_id = name.replace(".", "-")
    path = write_video(visit.site.folder / name, frames=100, **written)
    visit.site.under_test.services.book.sent(file_source(source_id, url=str(path)))
    page = visit.open()
    expect(page.locator("#search")).to_be_visible()
    for number in (0, 38, 50):
        address = f"/v1/sources/{source_id}/clip?start_ms={number * 1000 // FPS}&end_ms=3500"
        video = page.evaluate_handle(OPEN_CLIP, address)
        assert video.evaluate(SHOWN_NUMBER) == number
        assert video.evaluate("(video) => video.duration") == pytest.approx(3.5 - number / FPS, abs=0.15)


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_a_rotated_film_stands_upright(visit: Visit, codec: str) -> None:
    path = write_video(visit.site.folder / f"turned-{codec}.mp4", frames=50, codec=codec, rotation=90)
    visit.site.under_test.services.book.sent(file_source(f"turned-{codec}", url=str(path)))
    page = visit.open()
    expect(page.locator("#search")).to_be_visible()
    video = page.evaluate_handle(OPEN_CLIP, f"/v1/sources/turned-{codec}/clip?start_ms=1000&end_ms=1900")
    assert video.evaluate("(video) => [video.videoWidth, video.videoHeight]") == [240, 320]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("copied", {"options": LONG_GOPS, "audio": "aac"}),
        ("opus", {"options": LONG_GOPS, "audio": "libopus"}),
        ("silent", {"options": {"g": "25", "bf": "0"}}),
        ("hevc", {"codec": "libx265", "audio": "aac"}),
    ],
)
def test_a_camera_plays_the_right_second_at_time_0_and_behind_a_border_and_a_gap(
    visit: Visit, name: str, written: dict[str, Any]
) -> None:
    media, source_id = visit.site.under_test.services.media.folder, f"cam-{name}"
    video = write_video(visit.site.folder / f"{name}.mp4", frames=200, **written)
    assert len(record(media, video, NOON_MS, 5, source_id=source_id)) == 2
    record(media, video, NOON_MS + 10_000, 6, source_id=source_id)
    visit.site.under_test.services.book.sent(camera_source(source_id))
    page = visit.open()
    expect(page.locator("#search")).to_be_visible()
    clip = f"/v1/sources/{source_id}/clip?start_ms={NOON_MS + 2_520}&end_ms={NOON_MS + 13_000}"
    video_element = page.evaluate_handle(OPEN_CLIP, clip)
    assert video_element.evaluate(SHOWN_NUMBER) == 63
    assert video_element.evaluate("(video) => video.duration") == pytest.approx(10.48, abs=0.15)
    behind_the_border = page.evaluate(SEEN_WHILE_PLAYING, [video_element, 1.0, 2.0])
    assert behind_the_border[0][1] < 100 < behind_the_border[-1][1]
    behind_the_gap = page.evaluate(SEEN_WHILE_PLAYING, [video_element, 5.0, 8.0])
    assert behind_the_gap[0][1] > 150 > 50 > behind_the_gap[-1][1]
    for seconds, number in behind_the_border + behind_the_gap:
        shown_ms = 2_520 + 1000 * seconds
        assert number == round((shown_ms - (10_000 if shown_ms > 9_000 else 0)) * FPS / 1000)
