"""Browser sessions: a signed cookie that stands for a key, so the key itself is not kept in the browser."""

import hmac
import secrets
from hashlib import sha256

SESSION_SECONDS = 12 * 3600


class Sessions:
    """Cookies of the form `key_id.expires.id.mac`. Nothing is stored, so every replica that shares the secret accepts them.

    An ended session is remembered by the process that ended it, until it would have expired; removing the key ends all.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._ended: dict[str, int] = {}
        # Cookies ignore ports: two stacks on one machine must not take each other's.
        self.cookie_name = f"framebus_{self._mac('name')[:8]}"

    def start(self, key_id: str, now_seconds: float) -> str:
        """Return the cookie of a new session."""
        claim = f"{key_id}.{int(now_seconds) + SESSION_SECONDS}.{secrets.token_hex(8)}"
        return f"{claim}.{self._mac(claim)}"

    def key_id(self, cookie: str, now_seconds: float) -> str | None:
        """Return the key that a cookie stands for, or None when it is forged, expired or ended."""
        claim, _, mac = cookie.rpartition(".")
        if not hmac.compare_digest(mac.encode(), self._mac(claim).encode()):
            return None
        key_id, expires, identity = claim.split(".")
        return None if int(expires) <= now_seconds or identity in self._ended else key_id

    def end(self, cookie: str, now_seconds: float) -> None:
        """End a session before its time. A forged cookie is ignored."""
        if self.key_id(cookie, now_seconds) is None:
            return
        _, expires, identity, _ = cookie.split(".")
        self._ended = {one: until for one, until in self._ended.items() if until > now_seconds}
        self._ended[identity] = int(expires)

    def _mac(self, claim: str) -> str:
        return hmac.new(self._secret, f"session\n{claim}".encode(), sha256).hexdigest()
