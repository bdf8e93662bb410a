"""The page in a real browser."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from schemas.messages import Source
from services.query.access import KeyRing
from tests.query.app_under_test import KEY
from tests.query.media.drawn import FPS, write_video
from tests.tiny_model import COLOURS
from tests.web.conftest import SHOWN_NUMBER, Visit


def shown_number(page: Page) -> int:
    expect(page.locator(".frame.playing")).to_be_visible()
    return int(page.locator(".frame video").evaluate(SHOWN_NUMBER))


def search(page: Page, text: str) -> None:
    page.fill("#text", text)
    page.keyboard.press("Enter")
    expect(page.locator("#meta")).to_contain_text("moment")


def best(page: Page) -> Locator:
    return page.locator("#hits .tile-play").first


def picture_of(colour: str, path: Path) -> Path:
    pixels = np.full((200, 300, 3), COLOURS[colour], np.uint8)
    path.write_bytes(cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1].tobytes())
    return path


def test_an_empty_index_invites_a_first_video_and_follows_it(visit: Visit) -> None:
    page = visit.open()
    expect(page.locator("#first")).to_be_visible()
    video = write_video(visit.site.folder / "my holiday.mp4", frames=25)
    page.fill("#category", "holidays")
    page.set_input_files("#video-file", video)
    listed = page.locator(".source", has_text="my holiday.mp4")
    expect(listed).to_contain_text("waiting")
    expect(listed).to_contain_text("holidays")
    expect(page.locator(".upload")).to_have_count(0)
    (stored,) = visit.site.under_test.services.media.uploads_folder.rglob("*.mp4")
    assert stored.read_bytes() == video.read_bytes()
    page.on("dialog", lambda question: question.accept())
    listed.get_by_role("button", name="Remove").click()
    expect(listed).to_have_count(0)
    assert not list(visit.site.under_test.services.media.uploads_folder.rglob("*.mp4"))
    assert visit.complaints == []


def test_a_key_in_the_fragment_signs_in_and_leaves_the_address_bar(visit: Visit, film: Source) -> None:
    page = visit.open()
    expect(page.locator("#showcase")).to_contain_text(film.name)
    assert KEY not in page.url
    page.reload()
    expect(page.locator("#welcome")).to_be_visible()
    assert KEY not in page.evaluate("document.cookie + JSON.stringify(localStorage)")
    assert visit.complaints == []


def test_a_wrong_key_is_refused_in_words_and_the_right_one_goes_on(visit: Visit) -> None:
    page = visit.open("/")
    page.fill("#key", "fb_" + "x" * 40)
    page.keyboard.press("Enter")
    expect(page.locator("#sign-in-error")).to_contain_text("not known")
    page.fill("#key", KEY)
    page.keyboard.press("Enter")
    expect(page.locator("#search")).to_be_visible()
    page.click("#sign-out")
    expect(page.locator("#sign-in")).to_be_visible()


@pytest.mark.usefixtures("film")
def test_a_hit_plays_in_place_from_its_first_second(visit: Visit) -> None:
    page = visit.open()
    search(page, "red")
    expect(best(page)).to_contain_text("0:0")
    start_ms = page.evaluate("fetch('/v1/search?q=red').then((r) => r.json()).then((answer) => answer.hits[0].start_ms)")
    assert 2500 <= start_ms <= 3500
    best(page).click()
    assert shown_number(page) == (start_ms * FPS // 1000) % 256
    thumbnail = page.locator("#hits .tile-play img").first
    assert thumbnail.evaluate("(picture) => picture.decode().then(() => picture.naturalWidth)") == 320
    assert page.inner_text("#notice") == "made for tests"
    assert visit.complaints == []


@pytest.mark.usefixtures("film")
def test_the_keyboard_is_enough(visit: Visit) -> None:
    page = visit.open()
    expect(page.locator("#welcome")).to_be_visible()
    page.locator("#open-sources").focus()
    page.keyboard.press("/")
    expect(page.locator("#text")).to_be_focused()
    page.keyboard.type("red")
    page.keyboard.press("Enter")
    expect(best(page)).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(best(page)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".frame.playing")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("video")).to_have_count(0)
    expect(best(page)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#text")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#welcome")).to_be_visible()


@pytest.mark.usefixtures("film")
def test_what_is_not_there_is_said_and_the_nearest_is_dimmed(visit: Visit) -> None:
    page = visit.open()
    search(page, "green")
    expect(page.locator("#not-found")).to_contain_text("Found nothing that matches")
    expect(page.locator("#hits")).to_have_class("tiles hits weak")
    search(page, "red")
    expect(page.locator("#not-found")).to_be_hidden()


@pytest.mark.usefixtures("film")
def test_a_picture_chosen_before_the_sources_are_listed_stays(visit: Visit, tmp_path: Path) -> None:
    held: dict[str, Route] = {}

    def hold_the_first(route: Route) -> None:
        if held.setdefault(urlsplit(route.request.url).path, route) is not route:
            route.continue_()

    visit.page.route("**/v1/sources?*", hold_the_first)
    visit.page.route("**/v1/search", hold_the_first)
    page = visit.open()
    expect(page.locator("#search")).to_be_visible()
    with page.expect_request("**/v1/search"):
        page.set_input_files("#picture-file", picture_of("red", tmp_path / "red.png"))
    with page.expect_response("**/v1/sources?*"):
        held["/v1/sources"].continue_()
    expect(page.locator("#filter-source option")).to_have_count(2)
    held["/v1/search"].continue_()
    expect(best(page)).to_be_visible()
    expect(page.locator("#picture-chip")).to_be_visible()
    assert visit.complaints == []


@pytest.mark.usefixtures("film")
def test_a_picture_is_searched_and_kept_until_it_is_removed(visit: Visit, tmp_path: Path) -> None:
    page = visit.open()
    expect(page.locator("#search")).to_be_visible()
    page.set_input_files("#picture-file", picture_of("red", tmp_path / "red.png"))
    expect(page.locator("#picture-chip")).to_be_visible()
    expect(best(page)).to_be_visible()
    best(page).click()
    assert 2.5 * FPS <= shown_number(page) <= 3.5 * FPS
    page.click("#picture-clear")
    expect(page.locator("#welcome")).to_be_visible()


@pytest.mark.usefixtures("film")
def test_a_moment_leads_to_others_like_it(visit: Visit) -> None:
    page = visit.open()
    search(page, "red")
    page.locator(".tile-like").first.click()
    expect(page.locator("#picture-chip")).to_be_visible()
    expect(page.locator("#text")).to_have_value("")
    expect(best(page)).to_be_visible()


@pytest.mark.usefixtures("film")
def test_filters_and_words_are_in_the_address_and_come_back(visit: Visit) -> None:
    page = visit.open()
    search(page, "red")
    page.select_option("#filter-category", "films")
    expect(page).to_have_url(f"{visit.site.address}/?q=red&category=films")
    page.reload()
    expect(best(page)).to_be_visible()
    assert page.input_value("#text") == "red"
    assert page.input_value("#filter-category") == "films"
    page.go_back()
    expect(page.locator("#filter-category")).to_have_value("")


@pytest.mark.usefixtures("film")
def test_a_refusal_is_shown_where_the_user_looks(visit: Visit) -> None:
    page = visit.open()
    page.click("#open-sources")
    page.fill("#address", "/etc/hostname.mp4")
    page.click("#address-form button")
    expect(page.locator("#adding-error")).to_contain_text("local files may lie below")
    page.set_input_files("#video-file", {"name": "empty.mp4", "mimeType": "video/mp4", "buffer": b""})
    expect(page.locator(".upload.failed")).to_contain_text("empty")


def test_a_film_that_is_gone_says_so_on_its_tile(visit: Visit, film: Source) -> None:
    page = visit.open()
    search(page, "red")
    path = Path(str(film.url))
    away = path.rename(path.with_suffix(".away"))
    try:
        best(page).click()
        expect(page.locator(".trouble")).to_contain_text("no longer where it was")
    finally:
        away.rename(path)


@pytest.mark.usefixtures("film")
def test_a_key_that_only_searches_is_offered_nothing_else(visit: Visit) -> None:
    key = visit.site.under_test.ring.add(["search"])
    page = visit.open(f"/#key={key}")
    search(page, "red")
    page.click("#open-sources")
    expect(page.locator(".source")).to_contain_text("A film")
    expect(page.locator("#adding")).to_be_hidden()
    expect(page.locator(".source-actions")).to_have_count(0)


def test_a_key_sees_only_its_sources(visit: Visit, film: Source) -> None:
    ring: KeyRing = visit.site.under_test.ring
    page = visit.open(f"/#key={ring.add(['search'], ['another'])}")
    expect(page.locator("#welcome")).to_be_visible()
    page.fill("#text", "red")
    page.keyboard.press("Enter")
    expect(page.locator("#not-found")).to_be_visible()
    expect(page.locator("#hits")).to_be_hidden()
    assert film.name not in page.content()


@pytest.mark.usefixtures("film")
@pytest.mark.parametrize("width", [360, 390, 768])
def test_nothing_is_wider_than_a_small_screen(visit: Visit, width: int) -> None:
    page = visit.page
    page.set_viewport_size({"width": width, "height": 800})
    views: list[Callable[[], None]] = [
        lambda: expect(visit.open("/").locator("#sign-in")).to_be_visible(),
        lambda: expect(visit.open().locator("#welcome")).to_be_visible(),
        lambda: search(page, "red"),
        lambda: page.click("#open-sources"),
    ]
    for show in views:
        show()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if page.locator("dialog[open]").count():
            assert page.evaluate("document.querySelector('dialog').scrollWidth") <= width


def test_only_its_own_scripts_may_run(visit: Visit) -> None:
    answer = visit.page.goto(visit.site.address)
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
