"""A model's own tokenizer as the tokenizer.json of a model folder: the same ids for every text."""

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from tokenizers import AddedToken, Regex, Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram
from transformers import AutoTokenizer
from transformers.convert_slow_tokenizer import import_protobuf

from encoders.errors import EncoderError
from encoders.hub.families import CLIP, SIGLIP
from encoders.hub.files import SENTENCEPIECE, TOKENIZER_CONFIG, Checkpoint
from encoders.hub.model import FAILURES, DualEncoder
from encoders.tokenizer import read_tokenizer

GEMMA: Final = "GemmaTokenizer"
"""SigLIP 2's tokenizer; the model was trained on lower-cased text, and this class leaves that to its caller."""
SPACE: Final = "▁"
CONTROL, USER_DEFINED = 3, 4


@dataclass(frozen=True)
class TextSide:
    """A tokenizer.json, what fills short texts, and transformers' own tokenizer, which the file is compared with.

    `masked`: the text tower gets a mask of the padding, which is on the side `padding_side`. `lower_cased`: the file lower-cases,
    and the own tokenizer leaves that to its caller.
    """

    content: str
    pad_id: int
    padding_side: Literal["left", "right"]
    masked: bool
    lower_cased: bool
    own: Any

    def own_inputs(self, texts: Sequence[str], text_tokens: int) -> dict[str, Any]:
        """Return what transformers' own processor would hand to the model: `input_ids` and perhaps `attention_mask`, tensors."""
        texts = [text.lower() for text in texts] if self.lower_cased else list(texts)
        inputs = self.own(texts, padding="max_length", truncation=True, max_length=text_tokens, return_tensors="pt")
        return {name: inputs[name] for name in ("input_ids", "attention_mask") if name in inputs}


def text_side(checkpoint: Checkpoint, stage: Path, encoder: DualEncoder) -> TextSide:
    """Return the tokenizer of a checkpoint, whose files `stage` shows; raises `EncoderError`."""
    own = _own(checkpoint, stage, encoder)
    sentencepiece = own.__class__.__name__ == "SiglipTokenizer"
    tokenizer = _converted(checkpoint) if sentencepiece else Tokenizer.from_str(_content(own))
    lower_cased = encoder.family is SIGLIP and not sentencepiece and _leaves_case(own)
    if lower_cased:
        tokenizer.normalizer = normalizers.Sequence(
            [normalizers.Lowercase(), *([tokenizer.normalizer] if tokenizer.normalizer else [])]
        )
    tokenizer.enable_padding(direction=own.padding_side, pad_id=own.pad_token_id, pad_token=own.pad_token)
    highest, size = max(tokenizer.get_vocab().values()), encoder.config.text_config.vocab_size
    if highest >= size:
        raise EncoderError(
            f"{checkpoint.folder}: its tokenizer has ids up to {highest}, the text tower {size} tokens: of another model?"
        )
    # CLIP's text tower is causal and read at the text's end: it cannot see what fills the text after it.
    masked = "attention_mask" in own.model_input_names and not (encoder.family is CLIP and own.padding_side == "right")
    return TextSide(tokenizer.to_str(), own.pad_token_id, own.padding_side, masked, lower_cased, own)


def _own(checkpoint: Checkpoint, stage: Path, encoder: DualEncoder) -> Any:
    file = stage / "tokenizer.json"
    if file.exists():
        read_tokenizer(checkpoint.path(file.name))
    elif not (stage / SENTENCEPIECE).exists() and not (stage / "vocab.json").exists():
        raise EncoderError(
            f"{checkpoint.path(file.name)}: missing, and neither {SENTENCEPIECE} nor vocab.json with merges.txt is there"
        )
    try:
        own = AutoTokenizer.from_pretrained(stage, config=encoder.config, trust_remote_code=False, local_files_only=True)
    except (*FAILURES, ImportError) as error:
        raise EncoderError(f"{checkpoint.folder}: its tokenizer cannot be loaded: {' '.join(str(error).split())[:300]}") from None
    if own.pad_token is None:
        own.pad_token = own.eos_token
    if own.pad_token is None:
        raise EncoderError(f"{checkpoint.path(TOKENIZER_CONFIG)}: names no padding token and no token for the end of a text")
    return own


def _content(own: Any) -> str:
    return str(own.backend_tokenizer.to_str())


def _leaves_case(own: Any) -> bool:
    """Whether the tokenizer leaves lower-casing to its caller, though its model was trained on it."""
    normaliser = own.backend_tokenizer.normalizer
    return own.__class__.__name__ == GEMMA and own.init_kwargs.get("do_lower_case", True) and "Lowercase" not in repr(normaliser)


def _converted(checkpoint: Checkpoint) -> Tokenizer:
    """Return SigLIP's sentencepiece model as a tokenizer: its canonical text, then the pieces, then the end of the text."""
    model = import_protobuf().ModelProto.FromString(checkpoint.path(SENTENCEPIECE).read_bytes())
    pieces = [(piece.piece, piece.score) for piece in model.pieces]
    tokenizer = Tokenizer(Unigram(pieces, unk_id=model.trainer_spec.unk_id))
    tokenizer.add_special_tokens(
        [
            AddedToken(piece.piece, normalized=False, special=True)
            for piece in model.pieces
            if piece.type in (CONTROL, USER_DEFINED)
        ]
    )
    tokenizer.normalizer = normalizers.Sequence(_canonical(model.normalizer_spec.precompiled_charsmap))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="never")
    end = tokenizer.token_to_id("</s>")
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", end)])
    return tokenizer


def _canonical(charsmap: bytes) -> list[Any]:
    """Return how SigLIP's own tokenizer writes a text before it cuts it: lower case, no punctuation, single spaces."""
    return [
        normalizers.Replace(SPACE, " "),
        normalizers.Lowercase(),
        normalizers.Replace(Regex(f"[{re.escape(string.punctuation)}]"), ""),
        *([normalizers.Precompiled(charsmap)] if charsmap else []),
        normalizers.Replace(Regex(r"\s+"), " "),
        normalizers.Strip(),
        normalizers.Prepend(SPACE),
    ]
