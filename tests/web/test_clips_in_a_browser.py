"""What Chromium shows at time 0 of a clip, by its pixels."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.query.corpus import file_source
from tests.query.media.drawn import FPS, write_video
from tests.web.conftest import SHOWN_NUMBER, Visit

LONG_GOPS = {"g": "50", "bf": "3"}
OPEN_CLIP = """(address) => new Promise((opened, failed) => {
  const video = document.createElement("video");
  video.onloadeddata = () => opened(video);
  video.onerror = () => failed(new Error(video.error.message));
  video.src = address;
  document.body.append(video);
})"""


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
