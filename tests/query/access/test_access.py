"""Keys, sessions and links, through a real application."""

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI

from services.query import problems
from services.query.access import Gate, Grant, KeyRing, require, require_or_link
from services.query.access.keys import ROLES
from services.query.access.session_routes import router
from tests.query.serving import serve

LOCAL_KEY = "fb_" + "k" * 43
START = 1_800_000_000.0


@dataclass
class Clock:
    """Seconds that a test sets."""

    now: float = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "home" / "keys.json"


@pytest.fixture
def ring(key_file: Path) -> KeyRing:
    return KeyRing(key_file, LOCAL_KEY)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[FastAPI, str]]:
    app = application()
    with serve(app) as address:
        yield app, address


@pytest.fixture
def client(served: tuple[FastAPI, str], ring: KeyRing, clock: Clock) -> Iterator[httpx.Client]:
    app, address = served
    app.state.gate = Gate(ring, clock)
    with httpx.Client(base_url=address) as client:
        yield client


def application() -> FastAPI:
    """A route for each role, and one that a link opens."""
    app = FastAPI()
    problems.install(app)
    app.include_router(router)

    def add(path: str, guard: object, method: str = "GET") -> None:
        async def answer(grant: Annotated[Grant, guard]) -> dict[str, object]:
            return {"key_id": grant.key_id, "sees_cam_2": grant.may_see("cam-2")}

        app.add_api_route(path, answer, methods=[method])

    for role in sorted(ROLES):
        add(f"/{role}", Depends(require(role)))
    add("/manage", Depends(require("manage")), "POST")
    add("/clip", Depends(require_or_link("search")))
    return app


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def origin(client: httpx.Client) -> str:
    return str(client.base_url).rstrip("/")


def link(ring: KeyRing, key: str, *, expires: int = int(START) + 3600, path: str = "/clip") -> str:
    grant = ring.grant(key)
    assert grant is not None
    return Gate(ring).signer.sign(path, {"start_ms": 4000, "end_ms": 9000}, grant.key_id, expires)


def test_without_a_key_nothing_is_answered(client: httpx.Client) -> None:
    for role in ROLES:
        answer = client.get(f"/{role}")
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_role_opens_its_own_door_and_no_other(client: httpx.Client, ring: KeyRing, role: str) -> None:
    key = ring.add([role])  # type: ignore[list-item]
    opened = {other for other in ROLES if client.get(f"/{other}", headers=bearer(key)).status_code == 200}
    assert opened == {role}
    refused = client.get(f"/{min(ROLES - {role})}", headers=bearer(key))
    assert refused.status_code == 403
    assert role in refused.json()["detail"]


def test_the_local_key_has_every_role_and_is_never_written(client: httpx.Client, key_file: Path) -> None:
    assert all(client.get(f"/{role}", headers=bearer(LOCAL_KEY)).status_code == 200 for role in ROLES)
    assert LOCAL_KEY not in key_file.read_text()


def test_a_key_sees_only_its_sources(client: httpx.Client, ring: KeyRing) -> None:
    some = ring.add(["search"], ["cam-1"])
    every = ring.add(["search"])
    assert client.get("/search", headers=bearer(some)).json()["sees_cam_2"] is False
    assert client.get("/search", headers=bearer(every)).json()["sees_cam_2"] is True


def test_the_file_holds_hashes_and_only_its_owner_reads_it(ring: KeyRing, key_file: Path) -> None:
    key = ring.add(["search"])
    assert key.startswith("fb_")
    assert len(key) >= 35
    assert key not in key_file.read_text()
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


def test_a_key_file_that_everyone_reads_is_refused(key_file: Path) -> None:
    KeyRing(key_file)
    key_file.chmod(0o644)
    with pytest.raises(ValueError, match="chmod 600"):
        KeyRing(key_file)


def test_a_broken_key_file_is_named(key_file: Path) -> None:
    KeyRing(key_file)
    key_file.write_text("{")
    with pytest.raises(ValueError, match=r"keys\.json"):
        KeyRing(key_file)


def test_a_short_local_key_is_refused_without_showing_it(key_file: Path) -> None:
    with pytest.raises(ValueError, match="9 characters") as refusal:
        KeyRing(key_file, "fb_secret")
    assert "secret" not in str(refusal.value)


def test_a_key_removed_by_another_process_is_dead_at_once(client: httpx.Client, ring: KeyRing, key_file: Path) -> None:
    key = ring.add(["search"])
    grant = ring.grant(key)
    assert grant is not None
    assert client.get("/search", headers=bearer(key)).status_code == 200
    assert KeyRing(key_file).remove(grant.key_id)
    assert client.get("/search", headers=bearer(key)).status_code == 401


def test_a_raw_key_in_an_address_is_refused_even_when_it_is_valid(client: httpx.Client) -> None:
    for name in ("key", "api_key", "q"):
        answer = client.get("/clip", params={name: LOCAL_KEY}, headers=bearer(LOCAL_KEY))
        assert answer.status_code == 400
        assert answer.json()["type"].endswith("key-in-address")
        assert LOCAL_KEY not in answer.text


def test_a_signed_link_opens_what_it_names_and_nothing_else(client: httpx.Client, ring: KeyRing) -> None:
    address = link(ring, LOCAL_KEY)
    assert client.get(address).status_code == 200
    assert client.get(address.replace("/clip", "/search")).status_code == 401


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("start_ms=4000", "start_ms=0"),
        ("end_ms=9000", "end_ms=90000"),
        ("start_ms=4000", "start_ms=4000&start_ms=1"),
        ("expires=18", "expires=19"),
        ("signature=", "signature=0"),
        ("key_id=", "key_id=a"),
        ("&signature=", "&signature=x&signature="),
    ],
)
def test_a_changed_link_is_refused(client: httpx.Client, ring: KeyRing, old: str, new: str) -> None:
    address = link(ring, LOCAL_KEY)
    assert old in address
    assert client.get(address.replace(old, new)).status_code == 401


def test_a_link_of_another_path_does_not_fit(client: httpx.Client, ring: KeyRing) -> None:
    address = link(ring, LOCAL_KEY, path="/v1/sources/cam-2/clip")
    assert client.get("/clip?" + address.partition("?")[2]).status_code == 401


def test_a_link_expires(client: httpx.Client, ring: KeyRing, clock: Clock) -> None:
    address = link(ring, LOCAL_KEY)
    clock.now = START + 3599
    assert client.get(address).status_code == 200
    clock.now = START + 3600
    assert "expired" in client.get(address).json()["detail"]


def test_removing_a_key_kills_its_links_and_sessions(client: httpx.Client, ring: KeyRing) -> None:
    key = ring.add(["search"])
    address = link(ring, key)
    client.post("/v1/session", json={"key": key})
    assert client.get("/search").status_code == 200
    assert client.get(address).status_code == 200
    grant = ring.grant(key)
    assert grant is not None
    ring.remove(grant.key_id)
    assert client.get(address).status_code == 401
    assert client.get("/search").status_code == 401


def test_links_and_sessions_survive_a_restart(
    served: tuple[FastAPI, str], client: httpx.Client, ring: KeyRing, key_file: Path, clock: Clock
) -> None:
    address = link(ring, LOCAL_KEY)
    client.post("/v1/session", json={"key": LOCAL_KEY})
    served[0].state.gate = Gate(KeyRing(key_file, LOCAL_KEY), clock)
    assert client.get("/search").status_code == 200
    client.cookies.clear()
    assert client.get(address).status_code == 200


def test_a_link_needs_the_role_of_its_key(client: httpx.Client, ring: KeyRing) -> None:
    assert client.get(link(ring, ring.add(["ingest"]))).status_code == 403


def test_a_session_cookie_is_kept_from_scripts_and_other_sites(client: httpx.Client) -> None:
    cookie = client.post("/v1/session", json={"key": LOCAL_KEY}).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert LOCAL_KEY.lower() not in cookie


def test_nobody_may_do_nothing_and_learns_that_without_an_error(client: httpx.Client) -> None:
    assert client.get("/v1/session").json() == {"key_id": None, "roles": [], "sources": []}
    assert client.get("/v1/session", headers=bearer("fb_" + "x" * 43)).status_code == 401


def test_a_wrong_key_starts_no_session(client: httpx.Client) -> None:
    assert client.post("/v1/session", json={"key": "fb_" + "x" * 43}).status_code == 401
    assert not client.cookies


def test_whoever_has_no_key_sends_no_more_than_one(client: httpx.Client) -> None:
    def unannounced() -> Iterator[bytes]:
        yield from (b" " * 1_000 for _ in range(1_000))

    for content in (b" " * 1_000_000, unannounced()):
        assert client.post("/v1/session", content=content, headers={"Content-Type": "application/json"}).status_code == 413
    for wrong in ({}, {"key": 5}, {"key": "x" * 301}):
        refused = client.post("/v1/session", json=wrong)
        assert (refused.status_code, refused.json()["field"]) == (422, "key")


def test_a_session_ends_on_request_and_a_copy_of_its_cookie_with_it(client: httpx.Client) -> None:
    client.post("/v1/session", json={"key": LOCAL_KEY})
    copied = dict(client.cookies)
    assert client.get("/v1/session").json()["roles"] == sorted(ROLES)
    assert client.delete("/v1/session", headers={"Origin": origin(client)}).status_code == 204
    assert not client.cookies
    client.cookies.update(copied)
    assert client.get("/search").status_code == 401


def test_a_session_expires(client: httpx.Client, clock: Clock) -> None:
    client.post("/v1/session", json={"key": LOCAL_KEY})
    clock.now = START + 13 * 3600
    assert client.get("/search").status_code == 401


def test_a_forged_cookie_opens_nothing(client: httpx.Client) -> None:
    client.post("/v1/session", json={"key": LOCAL_KEY})
    ((name, cookie),) = client.cookies.items()
    for forged in ("", "a", "a.b.c.d", cookie[:-1], cookie.replace(".", ".9", 1)):
        client.cookies.clear()
        client.cookies.set(name, forged)
        assert client.get("/search").status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "OURS"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "http://127.0.0.1:9"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
def test_a_cookie_changes_things_only_from_our_own_page(client: httpx.Client, headers: dict[str, str], status: int) -> None:
    client.post("/v1/session", json={"key": LOCAL_KEY})
    sent = {name: value.replace("OURS", origin(client)) for name, value in headers.items()}
    assert client.post("/manage", headers=sent).status_code == status


@pytest.mark.parametrize("given", ["http://[", "http://[::1", "[", "null"])
def test_an_origin_that_is_no_address_is_another_one_also_without_a_session(client: httpx.Client, given: str) -> None:
    answer = client.post("/v1/session", json={"key": LOCAL_KEY}, headers={"Origin": given})
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (403, "other-origin")


def test_a_key_in_the_header_needs_no_origin(client: httpx.Client) -> None:
    assert client.post("/manage", headers=bearer(LOCAL_KEY)).status_code == 200


def test_a_ring_without_keys_says_so() -> None:
    assert KeyRing(None).is_empty
    assert not KeyRing(None, LOCAL_KEY).is_empty
