"""Text to token ids, through the tokenizers library."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from encoders.errors import EncoderError


class _Model(msgspec.Struct):
    type: Literal["BPE", "Unigram", "WordLevel", "WordPiece"]
    vocab: dict[str, int] | list[tuple[str, float]]


class _TokenizerFile(msgspec.Struct):
    """What every tokenizer.json has; checked first because the library's own failure has no type and names no file."""

    version: str
    model: _Model
    added_tokens: list[dict[str, Any]] = []


class TextTokenizer:
    """The tokenizer of a model folder: every text becomes `text_tokens` ids, cut off or padded with `pad_id`.

    Texts are padded on the right, or on the side that the file's own padding names.
    """

    def __init__(self, path: Path, text_tokens: int, pad_id: int) -> None:
        """Read `path`; raises `EncoderError` for what is no tokenizer file."""
        self._tokenizer = read_tokenizer(path)
        side = (self._tokenizer.padding or {}).get("direction", "right")
        self._tokenizer.enable_truncation(text_tokens)
        self._tokenizer.enable_padding(length=text_tokens, pad_id=pad_id, direction=side)

    def ids(self, texts: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return the token ids of `texts`, shape [n, text_tokens]."""
        return np.array([self._tokenizer.encode(text).ids for text in texts], np.int64)


def read_tokenizer(path: Path) -> Tokenizer:
    """Return the tokenizer in a tokenizer.json, or raise `EncoderError`."""
    content = path.read_bytes()
    try:
        msgspec.json.decode(content, type=_TokenizerFile)
        return Tokenizer.from_buffer(content)
    except (ValueError, UnicodeDecodeError) as error:
        raise EncoderError(f"{path}: not a tokenizer file: {error}") from None
