"""The name of an embedding space: from the model itself, so that a changed model can never pass for the old one."""

import re
from hashlib import sha256
from io import BufferedReader, BytesIO
from typing import Final

from schemas.errors import InvalidMessage

SPACE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,79}@[0-9a-f]{8}")


PIECE_BYTES: Final = 1 << 20


def space_name(model_name: str, *image_onnx: BufferedReader | BytesIO) -> str:
    """Return `name@` + the first 8 hex digits of the SHA-256 of the image tower's ONNX file, which is read piece by piece.

    A graph whose weights lie in a file of their own is given with that file after it: the hash is of the two in turn.
    """
    digest = sha256()
    for part in image_onnx:
        while piece := part.read(PIECE_BYTES):
            digest.update(piece)
    return f"{model_name}@{digest.hexdigest()[:8]}"


def check_space(space: str) -> str:
    """Return `space`, or raise `InvalidMessage` that states the rule."""
    if not SPACE.fullmatch(space):
        raise InvalidMessage(f"space {space[:100]!r}: expected NAME@ and 8 hex digits, for example pico-1@3fa9c1d2")
    return space


def slug(space: str) -> str:
    """Return `space` in letters, digits and underscores: for names of collections and consumer groups."""
    return re.sub(r"[^A-Za-z0-9]", "_", space)
