"""The page of the API's documentation, under its content security policy and without the internet."""

from tests.web.conftest import Visit


def test_the_documentation_shows_operations_and_tries_them(visit: Visit) -> None:
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(request.url))
    page = visit.open("/docs")
    page.locator("#operations-health-healthz_healthz_get button.opblock-summary-control").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    page.locator(".live-responses-table").get_by_text("alive").wait_for()
    assert page.get_by_role("button", name="Authorize").count() == 1
    assert [url for url in asked if not url.startswith((visit.site.address, "data:"))] == []
    assert visit.complaints == []
