"""The one place where a request becomes a `Grant`, or is refused."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request

from services.query.access.keys import KEY, Grant, KeyRing, Role
from services.query.access.links import SIGNATURE, LinkError, Signer
from services.query.access.sessions import Sessions
from services.query.problems import Problem

READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})

Guard = Callable[[Request], Awaitable[Grant]]


@dataclass(frozen=True)
class Gate:
    """Keys, sessions and links of one service; it lives at `app.state.gate`. `clock` gives Unix seconds."""

    ring: KeyRing
    clock: Callable[[], float] = time.time
    signer: Signer = field(init=False)
    sessions: Sessions = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "signer", Signer(self.ring.secret))
        object.__setattr__(self, "sessions", Sessions(self.ring.secret))

    def identify(self, request: Request, *, links: bool) -> Grant:
        """Return the grant of a request's key, session or (where `links`) signature, or raise the `Problem` that refuses it."""
        refuse_key_in_address(request)
        if authorization := request.headers.get("authorization"):
            return self.by_header(authorization)
        if grant := self.by_session(request):
            return grant
        if links and SIGNATURE in request.query_params:
            return self.by_link(request)
        raise unauthorised("Send Authorization: Bearer with an API key, or sign in on the page.")

    def by_header(self, authorization: str) -> Grant:
        """Return the grant of a Bearer key."""
        scheme, _, key = authorization.partition(" ")
        grant = self.ring.grant(key.strip()) if scheme.lower() == "bearer" else None
        if grant is None:
            raise unauthorised("The Authorization header holds no key that is known here: expected Bearer and an API key.")
        return grant

    def by_session(self, request: Request) -> Grant | None:
        """Return the grant of a live session cookie. A request that changes something must come from our own page."""
        cookie = request.cookies.get(self.sessions.cookie_name)
        key_id = self.sessions.key_id(cookie, self.clock()) if cookie else None
        grant = self.ring.grant_of(key_id) if key_id else None
        if grant and request.method not in READING:
            require_same_origin(request)
        return grant

    def by_link(self, request: Request) -> Grant:
        """Return the grant of the key that signed this address."""
        try:
            key_id = self.signer.check(request.scope["path"], request.query_params.multi_items(), self.clock())
        except LinkError as error:
            raise unauthorised(f"This link does not open: {error}. Search again for a fresh one.") from None
        grant = self.ring.grant_of(key_id)
        if grant is None:
            raise unauthorised("This link does not open: its key was removed.")
        return grant


def gate_of(request: Request) -> Gate:
    """Return the gate of the application that serves this request."""
    gate = request.app.state.gate
    assert isinstance(gate, Gate)
    return gate


def require(role: Role) -> Guard:
    """Make the dependency that admits a key or a session with `role`."""
    return _guard(role, links=False)


def require_or_link(role: Role) -> Guard:
    """Make the dependency for clips and thumbnails, which a signed link opens too."""
    return _guard(role, links=True)


def _guard(role: Role, *, links: bool) -> Guard:
    async def guard(request: Request) -> Grant:
        grant = gate_of(request).identify(request, links=links)
        if role not in grant.roles:
            held = ", ".join(sorted(grant.roles)) or "none"
            raise Problem(403, "role-missing", f"This needs a key with the role {role}; this key has: {held}.")
        return grant

    return guard


def unauthorised(detail: str) -> Problem:
    """Return the problem of a request that nobody vouches for."""
    return Problem(401, "unauthenticated", detail, headers={"WWW-Authenticate": "Bearer"})


def refuse_key_in_address(request: Request) -> None:
    """Raise when a query string holds a raw key: addresses end in logs, histories and referrers."""
    for name, value in request.query_params.multi_items():
        if KEY.fullmatch(value.strip()):
            raise Problem(
                400,
                "key-in-address",
                f"The parameter {name[:40]!r} holds an API key. Addresses are written to logs and histories: send it as "
                "Authorization: Bearer instead, and replace this key, for it may have been seen.",
                field=name[:40],
            )


def require_same_origin(request: Request) -> None:
    """Raise when another site's page sent this request with our cookie. Scheme is not compared: a proxy may end TLS."""
    origin = request.headers.get("origin")
    same = _is_at(origin, request.headers.get("host")) if origin else _fetched_by_our_page(request)
    if not same:
        raise Problem(
            403,
            "other-origin",
            f"A signed-in page may change things only from its own address, not from {origin or 'an unknown one'}. "
            "Programs send Authorization: Bearer instead of a cookie.",
        )


def _is_at(origin: str, host: str | None) -> bool:
    try:
        return urlsplit(origin).netloc == host
    except ValueError:  # no address at all: anybody may send anything
        return False


def _fetched_by_our_page(request: Request) -> bool:
    return request.headers.get("sec-fetch-site") == "same-origin"
