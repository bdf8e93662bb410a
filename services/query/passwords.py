"""Passwords of cameras and web servers on their way in: split off before anything is recorded, and kept in the secret of the
source's id. What stands elsewhere in an address, such as a token in its query string, is a part of the address."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from schemas.messages import Source
from services.query.addresses import PASSWORD_SCHEMES, scheme_of, split
from services.query.problems import Problem, invalid
from services.query.sources import SourceBook
from streaming.logs import get_logger
from streaming.secrets import PLACEHOLDER, OtherOrigin, SecretStore, UnknownSecret, origin_of, split_password

WhileUnchanged = Callable[[str, Callable[[Source | None], None]], Any]
"""Calls with the newest record of a source, which does not change meanwhile: `SourceWriter.while_unchanged`."""

UNSURE_SECONDS: Final = 3_600
"""A password so young may be that of a record which another query writes, or which is still on its way to Kafka."""
log = get_logger("passwords")


def split_off(address: str, source_id: str) -> tuple[str, str | None]:
    """Return an address as it is recorded, and the password that it held; None where it had none, or has one kept.

    Raises the problem of an address that names a secret which is not its own source's.
    """
    password = None
    if scheme_of(address) in PASSWORD_SCHEMES:
        split(address)
        address, password = split_password(address, source_id)
    named = [found.group() for found in PLACEHOLDER.finditer(address)]
    if named and (scheme_of(address) not in PASSWORD_SCHEMES or named != [split(address).password] or named != [own(source_id)]):
        detail = f"url names a secret in a place or of a name that is not its own: its password may be {own(source_id)}"
        raise invalid("url", detail)
    return address, password


def own(source_id: str) -> str:
    """Return what stands in a source's address in place of its password."""
    return f"${{secret:{source_id}}}"


def _names_its_secret(record: Source) -> bool:
    return record.wanted != "removed" and record.url is not None and own(record.source_id) in record.url


@dataclass(frozen=True)
class Passwords:
    """The secret store, as sources change. A secret is there before the record that names it, and goes after the one that does
    not: until Kafka has that, the source in force needs it.
    """

    store: SecretStore

    def settle(self, last: Source | None, record: Source, password: str | None) -> None:
        """Keep what a new record needs: its password where one came, else the one that is kept, or nothing."""
        if not _names_its_secret(record):
            return
        if password is not None:
            self._keep(record, password)
        elif last is None or last.wanted == "removed" or last.url != record.url:
            self._check_kept(last, record)

    def release(self, record: Source, while_unchanged: WhileUnchanged) -> None:
        """Forget the secret of a source that neither a record names which Kafka has nor one that has followed it."""
        if not _names_its_secret(record):
            while_unchanged(record.source_id, partial(self._forget_unless_named, record.source_id))

    def sweep(self, book: SourceBook, while_unchanged: WhileUnchanged) -> None:
        """Forget what was kept here for records that Kafka never got, or after whose removal nobody was left to forget it."""

        def judge(source_id: str, record: Source | None) -> None:
            if book.is_acknowledged(source_id):
                self._forget_unless_named(source_id, record)

        for source_id, since_seconds in self.store.kept_since().items():
            if since_seconds < time.time() - UNSURE_SECONDS:
                while_unchanged(source_id, partial(judge, source_id))

    def _keep(self, record: Source, password: str) -> None:
        try:
            self.store.put(record.source_id, password, origin_of(record.url or ""))
        except (OSError, UnicodeError) as error:
            log.error("a password cannot be kept", secret=record.source_id, reason=type(error).__name__)  # noqa: TRY400
            detail = f"the secret store does not take a password ({type(error).__name__}): see FRAMEBUS_SECRETS"
            raise Problem(507, "secret-not-kept", detail, field="url") from None

    def _forget_unless_named(self, source_id: str, record: Source | None) -> None:
        if record is None or not _names_its_secret(record):
            self._forget(source_id)

    def _forget(self, source_id: str) -> None:
        try:
            self.store.remove(source_id)
        except OSError as error:  # a mounted secret is its owner's to remove
            log.warning("a password cannot be removed", secret=source_id, reason=type(error).__name__)

    def _check_kept(self, last: Source | None, record: Source) -> None:
        """Raise the problem of a password that is not kept, or that would go to another host than it was given for.

        A mounted secret does not say what it was given for: that is where it was used last.
        """
        origin = origin_of(record.url or "")
        elsewhere = invalid(
            "url", "url names another host or scheme than its password was given for: give the url with its password"
        )
        try:
            self.store.get(record.source_id, origin)
        except OtherOrigin:
            raise elsewhere from None
        except (UnknownSecret, OSError):
            raise invalid("url", f"no password is kept for source {record.source_id}: give the url with its password") from None
        if last is not None and last.url is not None and own(last.source_id) in last.url and origin_of(last.url) != origin:
            raise elsewhere
