"""What an `hf:` address names: a repository of the hub at a revision, or a local copy of one. Pure."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from encoders.errors import EncoderError

PREFIX: Final = "hf:"
DEFAULT_REVISION: Final = "main"
_NAME: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"
_REPO: Final = re.compile(rf"{_NAME}/{_NAME}")
_REVISION: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,119}")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Repository:
    """A repository of the hub at a branch, a tag, a pull request's ref or a commit."""

    name: str
    revision: str = DEFAULT_REVISION

    @property
    def commit(self) -> str | None:
        """The revision where it is a commit, which never changes."""
        return self.revision if _COMMIT.fullmatch(self.revision) else None

    def __str__(self) -> str:
        suffix = "" if self.revision == DEFAULT_REVISION else f"@{self.revision}"
        return f"{PREFIX}{self.name}{suffix}"


def parse(address: str) -> Repository | Path:
    """Return what `hf:org/name[@revision]` names, or the folder of `hf:/path`; raises `EncoderError` for anything else."""
    text = address.removeprefix(PREFIX)
    if text.startswith(("/", "~")):
        return Path(text).expanduser()
    name, _, revision = text.partition("@")
    if not _REPO.fullmatch(name) or "--" in name or ".." in name:
        raise EncoderError(f"encoder {address!r}: expected hf:organisation/name[@revision], or hf:/path of a downloaded model")
    if "@" in text and not _is_revision(revision):
        raise EncoderError(f"encoder {address!r}: revision {revision!r}: expected a branch, a tag or a commit")
    return Repository(name, revision or DEFAULT_REVISION)


def _is_revision(text: str) -> bool:
    return bool(_REVISION.fullmatch(text)) and ".." not in text and "//" not in text
