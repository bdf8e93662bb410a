"""Signed addresses of clips and thumbnails: an `<img>` or `<video>` cannot send a header."""

import hmac
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final
from urllib.parse import quote, urlencode

SIGNATURE: Final = "signature"


class LinkError(ValueError):
    """A signed link that opens nothing; its text says why."""


class Signer:
    """HMAC-SHA256 over path, parameters, key id and expiry. The key id lets a removed key take its links with it."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def sign(self, path: str, params: Mapping[str, str | int], key_id: str, expires: int) -> str:
        """Return `path` with its parameters and signature. `expires` is in Unix seconds; a relative address comes out."""
        items = [(name, str(value)) for name, value in params.items()]
        items += [("key_id", key_id), ("expires", str(expires))]
        return f"{quote(path)}?{urlencode([*items, (SIGNATURE, self._mac(path, items))])}"

    def check(self, path: str, items: Iterable[tuple[str, str]], now_seconds: float) -> str:
        """Return the id of the key that signed the request's path and query items, or raise `LinkError`."""
        pairs = list(items)
        signed = [pair for pair in pairs if pair[0] != SIGNATURE]
        given = [value for name, value in pairs if name == SIGNATURE]
        if len(given) != 1 or not hmac.compare_digest(given[0].encode(), self._mac(path, signed).encode()):
            raise LinkError("its signature does not fit its address")
        named = dict(signed)
        if int(named["expires"]) <= now_seconds:
            raise LinkError("it has expired")
        return named["key_id"]

    def _mac(self, path: str, items: Iterable[tuple[str, str]]) -> str:
        message = f"link\n{path}\n{urlencode(sorted(items))}"
        return hmac.new(self._secret, message.encode(), sha256).hexdigest()
