"""Digest authentication with MD5, as cameras ask for it (RFC 2617 without qop). Pure."""

import hashlib
import hmac
import re
from typing import Final

REALM: Final = "camera"


def challenge(nonce: str) -> str:
    """Return what `WWW-Authenticate` says."""
    return f'Digest realm="{REALM}", nonce="{nonce}"'


def is_authorized(authorization: str, method: str, login: tuple[str, str], nonce: str) -> bool:
    """Return whether an `Authorization` answers the challenge for this user and password."""
    said = dict(re.findall(r'(\w+)="([^"]*)"', authorization))
    user, password = login
    owner, act = _md5(f"{user}:{REALM}:{password}"), _md5(f"{method}:{said.get('uri', '')}")
    right = _md5(f"{owner}:{nonce}:{act}")
    return said.get("username") == user and hmac.compare_digest(said.get("response", ""), right)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
