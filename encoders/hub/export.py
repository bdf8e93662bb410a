"""From a published model to a model folder: found, read, exported, compared with transformers, and only then kept."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np
import torch

from encoders.errors import EncoderError
from encoders.folder import IMAGE, TEXT, TOKENIZER
from encoders.hub import snapshot
from encoders.hub.address import Repository
from encoders.hub.background import write_background
from encoders.hub.cache import ModelCache, Say, filled_whole
from encoders.hub.card import note_agreement, write_card, write_licence
from encoders.hub.files import Checkpoint
from encoders.hub.graph import EXTERNAL_FROM_BYTES, write_tower
from encoders.hub.local import read_local, state_of
from encoders.hub.model import DualEncoder, load_model
from encoders.hub.pixels import Normalisation, normalisation_of
from encoders.hub.staging import staged
from encoders.hub.tokens import TextSide, text_side
from encoders.hub.towers import ImageTower, TextTower
from encoders.hub.verify import Agreement, compare

VERSIONED: Final = ("transformers", "torch")


@dataclass(frozen=True)
class Exported:
    """A model folder; the agreement is None where it was there before."""

    folder: Path
    agreement: Agreement | None


def export_to_cache(source: Repository | Path, cache: ModelCache, say: Say, *, threads: int) -> Exported:
    """Return the folder of `source` in the cache, made now where it is not there; raises `EncoderError`.

    A branch is asked for its newest commit; without an answer of the hub, the newest one on this machine counts.
    """
    try:
        checkpoint, commit = _checkpoint(source, say)
    except snapshot.HubAway as error:
        folder = cache.find(source) if isinstance(source, Repository) else None
        if folder is None:
            raise
        say(f"{error}: taking what was exported before")
        return Exported(folder, None)
    name = checkpoint.name if "/" in checkpoint.name else f"local/{checkpoint.name}"
    with _writing(), cache.alone(name, say):
        folder, agreement = cache.folder(name, commit), None
        if folder is None:
            with cache.new_folder(name, commit) as partial:
                agreement = fill_folder(partial, checkpoint, say, threads=threads)
            folder = cache.folder(name, commit)
        if isinstance(source, Repository):
            cache.remember(source, commit)
    assert folder is not None
    return Exported(folder, agreement)


def export_to_folder(source: Repository | Path, folder: Path, say: Say, *, threads: int) -> Exported:
    """Make the model folder of `source` at `folder`, which must not be there yet; raises `EncoderError`."""
    checkpoint, _ = _checkpoint(source, say)
    with _writing(), filled_whole(folder, f".{folder.name}.partial-") as partial:
        agreement = fill_folder(partial, checkpoint, say, threads=threads)
    return Exported(folder, agreement)


def fill_folder(
    folder: Path, checkpoint: Checkpoint, say: Say, *, threads: int, external_from: int = EXTERNAL_FROM_BYTES
) -> Agreement:
    """Fill an empty folder with the exported towers of a checkpoint and all that belongs to them; raises `EncoderError`."""
    began = time.monotonic()
    with staged(checkpoint) as stage:
        encoder = load_model(checkpoint, stage)
        text = text_side(checkpoint, stage, encoder)
        normalisation = normalisation_of(checkpoint, encoder.image_size)
        parameters = sum(one.numel() for one in encoder.model.parameters())
        say(f"{checkpoint.name}: {encoder.family.name}, {parameters / 1e6:,.1f} M parameters: writing {IMAGE} and {TEXT}")
        dimension = _write_towers(folder, encoder, normalisation, text, external_from)
        (folder / TOKENIZER).write_text(text.content)
        write_card(folder, checkpoint, encoder, normalisation, text, dimension)
        write_licence(folder, checkpoint)
        say("comparing both towers with transformers' own output")
        agreement = compare(folder, encoder, normalisation, text, threads)
    note_agreement(folder, agreement, {name: version(name) for name in VERSIONED})
    write_background(folder, threads)
    say(f"cosine at least {agreement.image:.6f} (image), {agreement.text:.6f} (text); {time.monotonic() - began:.0f} s")
    return agreement


@contextmanager
def _writing() -> Iterator[None]:
    """Tell a full disk or a folder that may not be written as what they are."""
    try:
        yield
    except OSError as error:
        raise EncoderError(f"the exported model cannot be kept: {error}; FRAMEBUS_MODELS or --out names another place") from None


def _checkpoint(source: Repository | Path, say: Say) -> tuple[Checkpoint, str]:
    if isinstance(source, Repository):
        return snapshot.fetch(source, say)
    return read_local(source), state_of(source)


def _write_towers(folder: Path, encoder: DualEncoder, normalisation: Normalisation, text: TextSide, external_from: int) -> int:
    """Write both towers and return the dimension of their vectors."""
    width, height = encoder.image_size
    pixels = torch.from_numpy(np.zeros((2, height, width, 3), np.uint8))
    ids = torch.from_numpy(np.ones((2, encoder.text_tokens), np.int64))
    image = ImageTower(encoder, normalisation).eval()
    write = partial(write_tower, external_from=external_from)
    write(image, pixels, takes="pixels", gives="image_embeds", path=folder / IMAGE)
    write(TextTower(encoder, text), ids, takes="input_ids", gives="text_embeds", path=folder / TEXT)
    with torch.no_grad():
        return int(image(pixels).shape[-1])
