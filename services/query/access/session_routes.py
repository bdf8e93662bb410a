"""`/v1/session`: a key goes in once, a cookie that scripts cannot read comes out."""

from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from services.query.access.gate import gate_of, refuse_key_in_address, require_same_origin, unauthorised
from services.query.access.keys import Grant
from services.query.access.sessions import SESSION_SECONDS
from services.query.bodies import read_json
from services.query.strict import parsed

BODY_LIMIT_BYTES: Final = 4_096
DOCUMENTED: Final[dict[str, Any]] = {
    "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/SessionRequest"}}}}
}
router = APIRouter(prefix="/v1/session", tags=["access"])


class SessionRequest(BaseModel):
    """The key to exchange for a cookie."""

    key: str = Field(max_length=300)


class Session(msgspec.Struct, frozen=True):
    """What the holder of the session may do; `sources` is None for all. Nobody has no `key_id` and no roles."""

    key_id: str | None
    roles: list[str]
    sources: list[str] | None


async def signed_in(request: Request) -> Grant:
    """Admit any live key or session, whatever its roles."""
    return gate_of(request).identify(request, links=False)


@router.post("", openapi_extra=DOCUMENTED)
async def start_session(request: Request) -> Response:
    """Exchange a key for an HttpOnly, SameSite=Strict cookie."""
    gate = gate_of(request)
    refuse_key_in_address(request)
    if "origin" in request.headers:
        require_same_origin(request)
    body = parsed(SessionRequest, await read_json(request, BODY_LIMIT_BYTES))
    grant = gate.ring.grant(body.key.strip())
    if grant is None:
        raise unauthorised("This key is not known here. The local stack prints its key when it starts, after 'key:'.")
    response = _session(grant)
    response.set_cookie(
        gate.sessions.cookie_name,
        gate.sessions.start(grant.key_id, gate.clock()),
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response


@router.get("")
async def show_session(request: Request) -> Response:
    """Say what the presented key or session may do: nothing, where there is none."""
    gate = gate_of(request)
    anonymous = "authorization" not in request.headers and gate.by_session(request) is None
    return _answer(Session(None, [], [])) if anonymous else _session(gate.identify(request, links=False))


@router.delete("", status_code=204)
async def end_session(request: Request, _: Annotated[Grant, Depends(signed_in)]) -> Response:
    """End the session of this browser."""
    gate = gate_of(request)
    response = Response(status_code=204)
    if cookie := request.cookies.get(gate.sessions.cookie_name):
        gate.sessions.end(cookie, gate.clock())
        response.delete_cookie(gate.sessions.cookie_name, httponly=True, samesite="strict")
    return response


def _session(grant: Grant) -> Response:
    return _answer(Session(grant.key_id, sorted(grant.roles), None if grant.sources is None else sorted(grant.sources)))


def _answer(shown: Session) -> Response:
    return Response(msgspec.json.encode(shown), media_type="application/json", headers={"Cache-Control": "no-store"})
