"""Weight files, looked at before any library opens them: what is no safetensors file, or half of one, is named."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from encoders.errors import EncoderError

LARGEST_HEADER_BYTES: Final = 100_000_000
"""The format's own limit."""
LENGTH_BYTES: Final = 8
LFS_POINTER: Final = b"version https://git-lfs"
PICKLED: Final = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack")


def check_weights(path: Path) -> None:
    """Raise `EncoderError` unless `path` is a whole safetensors file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(LENGTH_BYTES)
        length = int.from_bytes(start, "little")
        if (start + file.read(len(LFS_POINTER))).startswith(LFS_POINTER):
            raise EncoderError(f"{path}: a Git LFS pointer, not the weights: run `git lfs pull` in that repository")
        if len(start) < LENGTH_BYTES or length > LARGEST_HEADER_BYTES:
            raise EncoderError(f"{path}: not a safetensors file ({size:,} bytes)")
        if size < LENGTH_BYTES + length:
            raise EncoderError(f"{path}: truncated: {size:,} bytes, and its header alone takes {LENGTH_BYTES + length:,}")
        file.seek(LENGTH_BYTES)
        expected = LENGTH_BYTES + length + _end_of_tensors(path, file.read(length))
    if size != expected:
        what = "truncated" if size < expected else "damaged"
        raise EncoderError(f"{path}: {what}: {size:,} bytes, and its header says {expected:,}; fetch the file again")


def shards(index: Path) -> tuple[str, ...]:
    """Return the names of the weight files that an index lists; raises `EncoderError` for what is no index."""
    try:
        names = sorted(set(json.loads(index.read_bytes())["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EncoderError(f"{index}: not an index of weight files: {error!r}") from None
    for name in names:
        if not isinstance(name, str) or not name.endswith(".safetensors") or "/" in name or name.startswith("."):
            raise EncoderError(f"{index}: lists {name!r}: expected names of safetensors files beside it")
    return tuple(names)


def pickled(names: Iterable[str]) -> list[str]:
    """Return the files that hold weights in formats that can run code when they are read: they never are."""
    return sorted(name for name in names if name.endswith(PICKLED) and "/" not in name)


def _end_of_tensors(path: Path, content: bytes) -> int:
    try:
        header = json.loads(content)
        header.pop("__metadata__", None)
        ends = [int(entry["data_offsets"][1]) for entry in header.values()]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise EncoderError(f"{path}: not a safetensors file: {error!r}") from None
    return max(ends, default=0)
