"""Pages of a list that the first page has fixed: rows that arrive meanwhile move nothing."""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from services.query.problems import Problem, invalid

T = TypeVar("T")
KEPT_SECONDS: Final = 600.0
LISTS_KEPT: Final = 1_000


@dataclass(frozen=True)
class _List(Generic[T]):
    items: T
    key_id: str
    until_seconds: float


class Pages(Generic[T]):
    """Keeps what a cursor walks, for minutes. `T` is whatever a page is cut from; a cursor works for the key that made it."""

    def __init__(self) -> None:
        self._lists: OrderedDict[str, _List[T]] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, items: T, key_id: str, now_seconds: float) -> str:
        """Keep a list; return the token that cursors of its pages begin with."""
        token = secrets.token_urlsafe(12)
        with self._lock:
            self._lists[token] = _List(items, key_id, now_seconds + KEPT_SECONDS)
            while len(self._lists) > LISTS_KEPT:
                self._lists.popitem(last=False)
        return token

    def find(self, cursor: str, key_id: str, now_seconds: float) -> tuple[str, T, int]:
        """Return token, list and place of a cursor, or raise the problem of one that is unknown or has expired."""
        token, _, place = cursor.rpartition(".")
        if not (token and place.isdecimal() and place.isascii() and len(place) < 9):
            raise invalid("cursor", f"cursor {cursor[:60]!r}: expected a next_cursor of an earlier answer")
        with self._lock:
            kept = self._lists.get(token)
        if kept is None or kept.key_id != key_id or kept.until_seconds <= now_seconds:
            detail = f"a list is kept for {KEPT_SECONDS / 60:g} minutes and this one is gone: search again without a cursor"
            raise Problem(410, "cursor-expired", detail, field="cursor")
        return token, kept.items, int(place)


def next_cursor(token: str, place: int) -> str:
    """Return the cursor of the page that begins at `place`."""
    return f"{token}.{place}"
