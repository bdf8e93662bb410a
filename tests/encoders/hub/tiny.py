"""Published models of a few hundred kB, random but whole: SigLIP, SigLIP 2, CLIP and OpenCLIP as their owners lay them out."""

import io
import json
import shutil
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import sentencepiece
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer, GemmaTokenizer, SiglipConfig, SiglipModel, SiglipTokenizer

from encoders.hub.background import CAPTIONS

SIZE: Final = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
VISION: Final = {**SIZE, "image_size": 32, "patch_size": 8}
DIMENSION: Final = 32
CLIP_TOKENS: Final = 20
SIGLIP_TOKENS: Final = 16
COMMIT: Final = "0123456789abcdef0123456789abcdef01234567"
README: Final = "---\nlicense: apache-2.0\ntags:\n- vision\n---\n# A tiny model\n"


def make_siglip(folder: Path) -> Path:
    """SigLIP: a sentencepiece model that removes punctuation, padded with the end of the text."""
    folder.mkdir(parents=True)
    _sentencepiece(folder / "spiece.model")
    tokenizer = SiglipTokenizer(str(folder / "spiece.model"), model_max_length=SIGLIP_TOKENS, model_input_names=["input_ids"])
    tokenizer.save_pretrained(folder)
    _save_siglip(folder, tokenizer.vocab_size)
    return folder


def make_siglip2(folder: Path) -> Path:
    """SigLIP 2 of a fixed size: Gemma's tokenizer, which leaves lower-casing to its caller."""
    vocabulary, merges = _bpe(normalizers.Replace(" ", "▁"), None, ["<pad>", "<eos>", "<bos>", "<unk>"])
    tokenizer = GemmaTokenizer(
        vocab=vocabulary, merges=merges, add_bos_token=False, add_eos_token=True, padding_side="right", do_lower_case=True,
        model_input_names=["input_ids"],
    )  # fmt: skip
    tokenizer.save_pretrained(folder)
    _save_siglip(folder, len(tokenizer))
    return folder


def make_clip(folder: Path) -> Path:
    """CLIP with the id of its end of the text in its config."""
    tokenizer = save_clip_tokenizer(folder)
    torch.manual_seed(3)
    end = tokenizer.eos_token_id
    text = {
        **SIZE,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": CLIP_TOKENS,
        "eos_token_id": end,
        "hidden_act": "gelu",
    }
    config = CLIPConfig(text_config=text, vision_config={**VISION, "hidden_act": "gelu"}, projection_dim=DIMENSION)
    CLIPModel(config).save_pretrained(folder)
    write_json(folder / "preprocessor_config.json", {
        "do_center_crop": True, "crop_size": {"height": 32, "width": 32}, "size": {"shortest_edge": 32}, "do_rescale": True,
        "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": [0.48, 0.46, 0.41], "image_std": [0.27, 0.26, 0.28],
    })  # fmt: skip
    (folder / "README.md").write_text(README)
    return folder


def make_open_clip(folder: Path) -> Path:
    """OpenCLIP's own layout, and the same weights in transformers' words in `reference` beside the folder."""
    tokenizer = save_clip_tokenizer(folder)
    torch.manual_seed(4)
    text = {
        **SIZE,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": CLIP_TOKENS,
        "eos_token_id": 2,
        "intermediate_size": 128,
    }
    vision = {**VISION, "intermediate_size": 128}
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=DIMENSION))
    model.save_pretrained(folder.with_name("reference"))
    save_file(_in_open_clip_words(model), folder / "open_clip_model.safetensors")
    write_json(folder / "open_clip_config.json", {
        "model_cfg": {
            "embed_dim": DIMENSION, "quick_gelu": True,
            "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "patch_size": 8, "head_width": 8},
            "text_cfg": {"context_length": CLIP_TOKENS, "vocab_size": len(tokenizer), "width": 32, "heads": 4, "layers": 2},
        },
        "preprocess_cfg": {"mean": [0.48, 0.46, 0.41], "std": [0.27, 0.26, 0.28]},
    })  # fmt: skip
    return folder


def publish(files: Path, hub: Path, name: str, commit: str = COMMIT, branch: str = "main") -> Path:
    """Lay `files` out as the hub's cache does, links into blobs, and return the snapshot."""
    copy = hub / f"models--{name.replace('/', '--')}"
    snapshot = copy / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (copy / "blobs").mkdir(exist_ok=True)
    for file in files.iterdir():
        blob = copy / "blobs" / sha256(file.read_bytes()).hexdigest()
        shutil.copyfile(file, blob)
        (snapshot / file.name).symlink_to(Path("../../blobs") / blob.name)
    (copy / "refs").mkdir(exist_ok=True)
    (copy / "refs" / branch).write_text(commit)
    return snapshot


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value))


def save_clip_tokenizer(folder: Path) -> CLIPTokenizer:
    """Train and save CLIP's tokenizer: as published, the end of the text has the highest id."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary, merges = _bpe(normalizers.Lowercase(), "</w>", [])
    for special in ("<|startoftext|>", "<|endoftext|>"):
        vocabulary[special] = len(vocabulary)
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=CLIP_TOKENS)
    tokenizer.save_pretrained(folder)
    return tokenizer


def _save_siglip(folder: Path, vocabulary_size: int) -> None:
    torch.manual_seed(2)
    text = {**SIZE, "vocab_size": vocabulary_size, "max_position_embeddings": SIGLIP_TOKENS}
    SiglipModel(SiglipConfig(text_config=text, vision_config=VISION)).save_pretrained(folder)
    write_json(folder / "preprocessor_config.json", {
        "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "size": {"height": 32, "width": 32},
        "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
    })  # fmt: skip
    (folder / "README.md").write_text(README)


def _bpe(normaliser: Any, suffix: str | None, special: Sequence[str]) -> tuple[dict[str, int], Any]:
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix=suffix) if suffix else models.BPE())
    tokenizer.normalizer = normaliser
    letters: list[str] = []
    if suffix:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        letters = pre_tokenizers.ByteLevel.alphabet()
    words: dict[str, Any] = {"end_of_word_suffix": suffix} if suffix else {}
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=list(special), show_progress=False, initial_alphabet=letters, **words
    )
    tokenizer.train_from_iterator(CAPTIONS.read_text().splitlines(), trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [tuple(pair) for pair in model["merges"]]


def _sentencepiece(path: Path) -> None:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CAPTIONS.read_text().splitlines()), model_writer=model, vocab_size=300, model_type="unigram",
        pad_id=0, eos_id=1, unk_id=2, bos_id=-1, minloglevel=2, normalization_rule_name="nmt_nfkc",
    )  # fmt: skip
    path.write_bytes(model.getvalue())


def _in_open_clip_words(model: CLIPModel) -> dict[str, torch.Tensor]:
    """The tensors of a CLIP under open_clip's names, written down from its model.py."""
    state = model.state_dict()
    words = {"logit_scale": state["logit_scale"], "visual.proj": state["visual_projection.weight"].T.contiguous()}
    words["text_projection"] = state["text_projection.weight"].T.contiguous()
    for ours, theirs in (("vision_model.", "visual."), ("text_model.", "")):
        for layer in range(2):
            _block(words, state, f"{ours}encoder.layers.{layer}.", f"{theirs}transformer.resblocks.{layer}.")
    for ours, theirs in {
        "vision_model.embeddings.class_embedding": "visual.class_embedding",
        "vision_model.embeddings.patch_embedding.weight": "visual.conv1.weight",
        "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
        "vision_model.pre_layrnorm.weight": "visual.ln_pre.weight", "vision_model.pre_layrnorm.bias": "visual.ln_pre.bias",
        "vision_model.post_layernorm.weight": "visual.ln_post.weight", "vision_model.post_layernorm.bias": "visual.ln_post.bias",
        "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
        "text_model.embeddings.position_embedding.weight": "positional_embedding",
        "text_model.final_layer_norm.weight": "ln_final.weight", "text_model.final_layer_norm.bias": "ln_final.bias",
    }.items():  # fmt: skip
        words[theirs] = state[ours].clone()
    return words


def _block(words: dict[str, torch.Tensor], state: dict[str, torch.Tensor], ours: str, theirs: str) -> None:
    for kind in ("weight", "bias"):
        parts = [state[f"{ours}self_attn.{one}_proj.{kind}"] for one in "qkv"]
        words[f"{theirs}attn.in_proj_{kind}"] = torch.cat(parts)
        for here, there in (
            ("self_attn.out_proj", "attn.out_proj"), ("layer_norm1", "ln_1"), ("layer_norm2", "ln_2"),
            ("mlp.fc1", "mlp.c_fc"), ("mlp.fc2", "mlp.c_proj"),
        ):  # fmt: skip
            words[f"{theirs}{there}.{kind}"] = state[f"{ours}{here}.{kind}"].clone()
