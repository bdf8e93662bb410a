"""Names: of sources, streams, rows. Everything here is a pure function of its arguments."""

import re
from hashlib import blake2b
from typing import Final, Literal
from urllib.parse import urlsplit, urlunsplit

from schemas.errors import InvalidMessage

Part = Literal["f"]
WHOLE_FRAME: Final[Part] = "f"

SOURCE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
STREAM: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}(/[0-9]{1,18}/[cr]-?[0-9]{1,18})?")


def check_source_id(source_id: str) -> str:
    """Return `source_id`, or raise `InvalidMessage` that states the rule."""
    if not SOURCE_ID.fullmatch(source_id):
        raise InvalidMessage(
            f"source_id {source_id[:80]!r}: letters, digits, '-', '_' and '.', beginning with a letter or digit, at most 64"
        )
    return source_id


def check_stream(stream: str) -> str:
    """Return `stream`, or raise `InvalidMessage`: a stream is a source_id, a chunk of one or a caught-up span of one."""
    if not STREAM.fullmatch(stream):
        raise InvalidMessage(f"stream {stream[:120]!r}: expected SOURCE_ID, SOURCE_ID/LIFE/c<index> or SOURCE_ID/LIFE/r<t_ms>")
    return stream


def without_credentials(address: str) -> str:
    """Return a URL without its user and password; a path comes back as it is."""
    parts = urlsplit(address)
    if "@" not in parts.netloc:
        return address
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def derive_source_id(address: str) -> str:
    """Make a readable id from a path or URL; it ends in a hash of the address without credentials.

    The same address gives the same id everywhere, so adding a file twice is one source.
    """
    bare = without_credentials(address)
    path = urlsplit(bare).path if "://" in bare else bare
    stem = path.rstrip("/").rpartition("/")[2].rpartition(".")[0] or path.rstrip("/").rpartition("/")[2]
    readable = re.sub(r"[^A-Za-z0-9]+", "-", stem).strip("-")[:40] or "source"
    return f"{readable}-{blake2b(bare.encode(), digest_size=4).hexdigest()}"


def chunk_stream(source_id: str, life: int, index: int) -> str:
    """Name the stream of one chunk of a file."""
    return f"{source_id}/{life}/c{index}"


def recut_stream(source_id: str, life: int, first_t_ms: int) -> str:
    """Name the stream of a span caught up from recorded media."""
    return f"{source_id}/{life}/r{first_t_ms}"


def row_key(source_id: str, life: int, part: str, t_ms: int, *, provisional: bool = False) -> str:
    """Name the one row of a moment: a key is only ever written with one value."""
    return f"{source_id}/{life}/{part}/{t_ms}" + ("/p" if provisional else "")


def source_no(source_id: str) -> int:
    """Hash a source_id to a non-negative int63: Milvus filters integers far faster than strings."""
    return int.from_bytes(blake2b(source_id.encode(), digest_size=8).digest(), "big") >> 1


def sample_hash(key: str) -> int:
    """Hash a row's key to a non-negative int31: `sample_hash < n` is a fixed random sample of a corpus."""
    return int.from_bytes(blake2b(key.encode(), digest_size=4).digest(), "big") >> 1
