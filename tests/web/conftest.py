"""A browser, and the real application over real servers with one film in its index."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from schemas.messages import ChunkStatus, Plan, Source, SourceStatus, Span
from streaming.admin import create_topics
from tests.query.app_under_test import KEY, UnderTest, close, make_app
from tests.query.corpus import Corpus, file_source, make_corpus, row
from tests.query.media.drawn import BARS, FPS, write_video
from tests.query.serving import serve
from tests.servers import absent
from tests.tiny_model import COLOURS, make_tiny_model

SECONDS = 12
SHOWN_NUMBER = """async (video) => {
  video.pause();
  await new Promise((shown) => { video.onseeked = shown; video.currentTime = 0; });
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const row = (y) => context.getImageData(0, y, canvas.width, 1).data;
  do {
    await new Promise(requestAnimationFrame);
    context.drawImage(video, 0, 0);
  } while (row(20)[4 * 20] < 128);
  const bars = Array.from({ length: BARS }, (_, bar) => Math.round((bar + 0.5) * canvas.width / BARS));
  return bars.reduce((sum, x, bar) => sum + (row(canvas.height / 2)[4 * x] > 128 ? 1 << bar : 0), 0);
}""".replace("BARS", str(BARS))
"""Reads the number of the frame that a video shows at its time 0, from pixels, once its white corner is painted."""
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--autoplay-policy=no-user-gesture-required"]
COLOUR_AT = ("white",) * 3 + ("red",) * 4 + ("white",) * 5
"""What the index holds of each second of the film; the pictures themselves show their frame number."""


@dataclass
class Site:
    """The application under an address."""

    address: str
    under_test: UnderTest
    corpus: Corpus
    folder: Path


@dataclass
class Visit:
    """A browser context of its own: its page, and what the page has complained of."""

    page: Page
    site: Site
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str = f"/#key={KEY}") -> Page:
        """Open the page, signed in."""
        self.page.goto(self.site.address + path)
        return self.page


@pytest.fixture(scope="module")
def site(kafka: str, milvus: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Serve the application, with a film of twelve seconds of which four are red."""
    folder = tmp_path_factory.mktemp("site")
    create_topics(kafka)
    under_test = make_app(make_tiny_model(folder / "model"), folder, milvus, kafka=kafka)
    encoder = under_test.services.encoder
    corpus = make_corpus(milvus, encoder.space, encoder.dimension)
    under_test.services.store._alias = corpus.alias
    with serve(under_test.app) as address:
        yield Site(address, under_test, corpus, folder)
    corpus.drop()
    close(under_test)


@pytest.fixture(scope="module")
def film(site: Site) -> Source:
    """Put the film into the index."""
    path = write_video(site.folder / "film.mp4", frames=SECONDS * FPS, options={"g": "60", "bf": "2"})
    source = file_source("film", url=str(path), name="A film", category="films")
    encoder, book = site.under_test.services.encoder, site.under_test.services.book
    size = encoder.image_size
    pixels = np.stack([np.full((size[1], size[0], 3), COLOURS[colour], np.uint8) for colour in COLOUR_AT for _ in range(2)])
    vectors = encoder.embed_images(pixels)
    site.corpus.write([row(source, 500 * number, vector) for number, vector in enumerate(vectors)])
    assert site.corpus.visible() == len(vectors)
    _mark_indexed(site, source, len(vectors))
    assert book.view(source).state == "indexed"
    return source


def _mark_indexed(site: Site, source: Source, rows: int) -> None:
    book = site.under_test.services.book
    span = Span(index=0, start_ms=0, end_ms=60_000)
    plan = Plan(life=1, fingerprint="f", duration_ms=1000 * SECONDS, sample_fps=2.0, seekable=True, chunks=(span,))
    space = site.under_test.services.encoder.space
    book.sent(source)
    book.follow_statuses([SourceStatus(source_id=source.source_id, life=1, state="running", since_ms=0, plan=plan)])
    done = ChunkStatus(
        stream=f"{source.source_id}/1/c0", source_id=source.source_id, life=1, index=0, space=space, rows=rows, last_t_ms=11_500
    )
    book.follow_chunks([done])
    book.confirm(source, rows)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start the Chromium of the system."""
    path = shutil.which("chromium")
    if path is None:
        absent("no chromium on the PATH: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Open a browser context without cookies."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(15_000)
    yield context
    context.close()


@pytest.fixture
def visit(context: BrowserContext, site: Site) -> Visit:
    """Open a tab that notes every complaint of the page."""
    visit = Visit(context.new_page(), site)
    visit.page.on("console", lambda message: _note(visit, message))
    visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    return visit


def _note(visit: Visit, message: ConsoleMessage) -> None:
    if message.type in ("error", "warning"):
        visit.complaints.append(message.text)
