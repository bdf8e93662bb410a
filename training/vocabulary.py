"""The subword vocabulary of the text tower: byte-pair pieces over bytes, so that no text is unknown."""

import pathlib
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

PAD_ID = 0
PADDING = "<pad>"
VOCABULARY_SIZE = 6000


def train_tokenizer(texts: Iterable[str], text_tokens: int) -> tokenizers.Tokenizer:
    """A lower-casing byte-level BPE that pads and cuts every text to `text_tokens` pieces."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase(), normalizers.Strip()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        min_frequency=3,
        special_tokens=[PADDING],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.enable_padding(length=text_tokens, pad_id=PAD_ID, pad_token=PADDING)
    tokenizer.enable_truncation(max_length=text_tokens)
    return tokenizer


def load_tokenizer(path: pathlib.Path) -> tokenizers.Tokenizer:
    return tokenizers.Tokenizer.from_file(str(path))


def token_ids(tokenizer: tokenizers.Tokenizer, texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """Ids int64 [texts, text_tokens], padded with `PAD_ID`."""
    return np.array([encoding.ids for encoding in tokenizer.encode_batch(list(texts))], np.int64)
