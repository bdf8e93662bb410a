"""Cameras and pushed pictures on the page, in a real browser."""

import time

import msgspec
import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from schemas.identity import row_key
from schemas.messages import Camera, IndexEvent, Life, RowWritten, Source, SourceStatus
from tests.end_to_end.videos import as_jpeg, scene
from tests.query.app_under_test import KEY
from tests.query.corpus import row
from tests.query.media.drawn import FPS, write_video
from tests.query.media.recorded import record
from tests.tiny_model import COLOURS
from tests.web.conftest import SHOWN_NUMBER, Site, Visit
from tests.web.test_page import best, search, shown_number

PASSWORD = "Rapunzel-12"
LOOKED_AT = Camera(
    codec="h264", width=1920, height=1080, decodes="keyframes", gop_ms=1000, clock="reports", clock_off_ms=3_600_000
)
AGO_MS = {"gate": 8_000, "porch": 172_800_000, "cellar": 25_000, "attic": 9_000, "bell": 9_000}
"""When each source showed its colour for the first time."""
COLOUR_OF = {"gate": "red", "porch": "green", "cellar": "blue", "attic": "black", "bell": "white"}


@pytest.fixture(scope="module")
def now_ms(site: Site) -> int:
    """Put four cameras and a push source into the index, whose newest seconds are provisional; one camera is recorded.

    The recording of `gate` goes on behind now, as that of a camera does while somebody looks at it.
    """
    video = write_video(site.folder / "gate.mp4", frames=60 * FPS, options={"g": str(FPS), "bf": "0"})
    now_ms = time.time_ns() // 1_000_000
    sources = {name: live_source(name) for name in COLOUR_OF}
    for name, source in sources.items():
        site.under_test.services.book.sent(source)
        show(site, source, now_ms - AGO_MS[name])
    record(site.under_test.services.media.folder, video, now_ms - AGO_MS["gate"], 1, source_id="gate")
    assert site.corpus.visible() == 4 * len(COLOUR_OF)
    stored = site.under_test.services.media.pushed_thumbnails_folder / "bell" / "1" / f"{now_ms - AGO_MS['bell']}.jpg"
    stored.parent.mkdir(parents=True)
    stored.write_bytes(as_jpeg(scene(1)))
    return now_ms


def live_source(name: str) -> Source:
    url = None if name == "bell" else f"rtsp://me:${{secret:{name}}}@10.0.0.7/{name}"
    lives = (Life(life=1, began_ms=1),)
    return Source(
        source_id=name, kind="camera" if url else "push", life=1, lives=lives, url=url, name=f"The {name}", category="live",
        sample_fps=1.0, record=name != "attic",
    )  # fmt: skip


def show(site: Site, source: Source, from_ms: int) -> None:
    """Write four rows of a source's colour, a second apart and the newest provisional, and tell the application of them."""
    services = site.under_test.services
    size = services.encoder.image_size
    pixels = np.full((1, size[1], size[0], 3), COLOURS[COLOUR_OF[source.source_id]], np.uint8)
    (vector,) = services.encoder.embed_images(pixels)
    times_ms = [from_ms + 1000 * second for second in range(4)]
    rows = [row(source, t_ms, vector, captured_ms=t_ms) for t_ms in times_ms]
    if source.source_id == "gate":
        keys = [row_key("gate", 1, "f", t_ms, provisional=True) for t_ms in times_ms]
        rows = [msgspec.structs.replace(one, id=key, provisional=True) for one, key in zip(rows, keys, strict=True)]
    site.corpus.write(rows)
    status = SourceStatus(source_id=source.source_id, life=1, state="running", since_ms=from_ms, run=1, camera=LOOKED_AT)
    if source.source_id == "cellar":
        status = msgspec.structs.replace(status, state="waiting", error="the camera refuses the connection")
    services.book.follow_statuses([status])
    told(site, source.source_id, times_ms)


def told(site: Site, source_id: str, times_ms: list[int]) -> None:
    """Let the application hear of rows, each found half a second after it was taken."""
    written = tuple(
        RowWritten(source_id=source_id, life=1, part="f", t_ms=at, end_ms=at, captured_ms=at, searchable_ms=at + 500)
        for at in times_ms
    )
    space = site.under_test.services.encoder.space
    site.under_test.services.book.follow_events([IndexEvent(space=space, stream=source_id, rows=written)])


def listed(page: Page, name: str) -> Locator:
    return page.locator(f'.source[data-id="{name}"]')


def in_browser(page: Page, ms: int, how: str) -> str:
    return str(page.evaluate(f"(ms) => new Date(ms).{how}", ms))


def test_a_hit_of_a_camera_is_live_and_plays_its_moment_and_then_what_came_after(visit: Visit, now_ms: int) -> None:
    page = visit.open(f"/?source=gate#key={KEY}")
    search(page, "red")
    tile = page.locator("#hits .tile").first
    expect(tile).to_contain_text("The gate")
    expect(tile.locator(".live-badge")).to_have_text("Live")
    expect(tile).to_contain_text("just in")
    expect(tile.locator(".tile-time")).to_have_text(
        in_browser(page, now_ms - AGO_MS["gate"], "toLocaleTimeString([], { timeStyle: 'medium' })")
    )
    best(page).click()
    assert shown_number(page) == 0
    page.locator(".frame video").evaluate("(video) => { video.currentTime = video.duration; return video.play(); }")
    page.get_by_role("button", name="Play what came after").click()
    expect(page.get_by_role("button", name="Play what came after")).to_have_count(0)
    expect(page.locator(".frame.playing")).to_be_visible()
    later = int(page.locator(".frame video").evaluate(SHOWN_NUMBER))
    assert later >= 2 * FPS
    assert visit.complaints == []


@pytest.mark.usefixtures("now_ms")
def test_a_hit_of_another_day_says_which(visit: Visit, now_ms: int) -> None:
    page = visit.open()
    search(page, "green")
    tile = page.locator("#hits .tile").first
    day = in_browser(page, now_ms - AGO_MS["porch"], "toLocaleDateString([], { dateStyle: 'medium' })")
    expect(tile.locator(".tile-time")).to_contain_text(day)
    expect(tile.locator(".live-badge")).to_have_count(0)
    expect(tile).not_to_contain_text("just in")


@pytest.mark.usefixtures("now_ms")
@pytest.mark.parametrize(("colour", "name", "why"), [("white", "bell", "A picture only"), ("black", "attic", "Not recorded")])
def test_a_hit_without_a_clip_says_so_and_is_no_button(visit: Visit, colour: str, name: str, why: str) -> None:
    page = visit.open()
    search(page, colour)
    tile = page.locator("#hits .tile").first
    expect(tile).to_contain_text(f"The {name}")
    expect(tile).to_contain_text(why)
    expect(tile.locator(".tile-play")).to_have_count(0)
    page.locator("#text").press("ArrowDown")
    expect(tile.locator(".tile-shown")).to_be_focused()
    expect(tile.get_by_role("img", name=f"The {name}")).to_have_count(1)


def test_a_picture_that_is_not_there_yet_comes_by_itself(visit: Visit, now_ms: int) -> None:
    page = visit.open()
    search(page, "blue")
    image = page.locator("#hits .tile img").first
    expect(image).to_have_class("absent")
    video = write_video(visit.site.folder / "cellar.mp4", frames=10 * FPS, options={"g": str(FPS)})
    record(visit.site.under_test.services.media.folder, video, now_ms - AGO_MS["cellar"], 1, source_id="cellar")
    expect(image).not_to_have_class("absent")
    assert image.evaluate("(image) => image.naturalWidth") == 320


def test_a_moment_that_was_never_recorded_says_so_on_its_tile(visit: Visit, now_ms: int) -> None:
    page = visit.open()
    search(page, "green")
    best(page).click()
    expect(page.locator(".trouble")).to_contain_text("Nothing is recorded of this moment")
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)


def test_the_list_says_how_each_camera_is_while_its_buttons_keep_the_focus(visit: Visit, now_ms: int) -> None:
    page = visit.open()
    expect(page.locator("#sources-busy")).to_contain_text("live")
    page.click("#open-sources")
    gate = listed(page, "gate")
    expect(gate.locator(".state")).to_have_text("live")
    for fact in ("camera", "1920 × 1080", "its clock is 1 h ahead", "since", "1.0 a second", "found after 0.5 s"):
        expect(gate).to_contain_text(fact)
    expect(listed(page, "cellar")).to_contain_text("the camera refuses the connection")
    expect(listed(page, "bell")).to_contain_text("pictures sent by a program")
    expect(listed(page, "attic")).to_contain_text("not recorded")
    assert page.locator(".source").first.get_attribute("data-id") == "cellar"
    pause = gate.get_by_role("button", name="Pause The gate")
    pause.focus()
    told(visit.site, "gate", [time.time_ns() // 1_000_000])
    expect(gate).to_contain_text("last picture 0 s ago")
    expect(gate).to_contain_text("last picture 2 s ago")
    expect(pause).to_be_focused()
    assert visit.complaints == []


@pytest.mark.usefixtures("now_ms")
def test_a_camera_is_added_by_its_address_and_its_password_is_shown_nowhere(visit: Visit) -> None:
    page = visit.open()
    page.click("#open-sources")
    expect(page.locator("#camera-hint")).to_be_hidden()
    page.fill("#address", f"rtsp://me:{PASSWORD}@127.0.0.1")
    expect(page.locator("#camera-hint")).to_contain_text("never shown again")
    page.click("#address-form button")
    camera = page.locator(".source", has_text="127.0.0.1")
    expect(camera).to_contain_text("waiting")
    expect(page.locator("#address")).to_have_value("")
    expect(page.locator("#camera-hint")).to_be_hidden()
    source_id = camera.get_attribute("data-id")
    assert (visit.site.folder / "secrets" / str(source_id)).read_text() == PASSWORD
    answer = page.evaluate("fetch('/v1/sources').then((answer) => answer.text())")
    assert PASSWORD not in page.content() + answer
    page.on("dialog", lambda question: question.accept())
    camera.get_by_role("button", name="Remove").click()
    expect(camera).to_have_count(0)
    assert not (visit.site.folder / "secrets" / str(source_id)).exists()


def test_what_a_camera_shows_now_is_the_first_thing_on_the_page(visit: Visit, now_ms: int) -> None:
    told(visit.site, "gate", [time.time_ns() // 1_000_000])
    page = visit.open()
    tile = page.locator("#showcase .tile").first
    expect(tile).to_contain_text("The gate")
    expect(tile.locator(".live-badge")).to_be_visible()
    tile.get_by_role("button").click()
    expect(page.locator(".frame.playing")).to_be_visible()
    number = int(page.locator(".frame video").evaluate(SHOWN_NUMBER))
    seen_ms = now_ms - AGO_MS["gate"] + 1000 * (number / FPS)
    start_ms = int(page.locator(".frame video").evaluate("(video) => new URL(video.src).searchParams.get('start_ms')"))
    assert (seen_ms - start_ms) % (256 * 1000 / FPS) < 2 * 1000 / FPS or (start_ms - seen_ms) % (
        256 * 1000 / FPS
    ) < 2 * 1000 / FPS


@pytest.mark.usefixtures("now_ms")
@pytest.mark.parametrize("width", [360, 768])
def test_live_tiles_and_cameras_fit_on_small_screens(visit: Visit, width: int) -> None:
    page = visit.page
    page.set_viewport_size({"width": width, "height": 800})
    visit.open()
    search(page, "red")
    page.click("#open-sources")
    page.fill("#address", "rtsp://me:word@10.0.0.7/a/very/long/path/of/a/camera/that/goes/on/and/on")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.querySelector('dialog').scrollWidth") <= width
