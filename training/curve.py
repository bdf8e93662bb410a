"""The learning curve: held-out figures of the averaged towers while they learn, as lines of a CSV file."""

import pathlib
from collections.abc import Sequence

import numpy as np
import tokenizers
import torch

from training.augment import resized
from training.evaluate import recalls
from training.photos import Part
from training.towers import Towers
from training.vocabulary import token_ids
from training.world.shapes import Pixels

SIDE_PX = 80
BATCH = 250
COLUMNS = "progress,steps,loss,flickr8k_text_to_image_r10,tinyimagenet_top1"

Vectors = np.ndarray[tuple[int, int], np.dtype[np.float32]]


class Curve:
    """Appends to `path` what the towers find among the held-out photos of Flickr8k and Tiny ImageNet: 80 px, as the
    finished model sees, no prompts."""

    def __init__(self, parts: Sequence[Part], tokenizer: tokenizers.Tokenizer, path: pathlib.Path) -> None:
        self._parts = {part.name: part for part in parts}
        self._tokenizer, self._path = tokenizer, path
        path.write_text(COLUMNS + "\n")

    def note(self, progress: float, steps: int, loss: float, towers: Towers) -> None:
        """Add one line, and print it."""
        towers.eval()
        line = f"{progress:.3f},{steps},{loss:.3f},{self._caption_recall(towers):.4f},{self._label_recall(towers):.4f}"
        towers.train()
        print(line, flush=True)
        with self._path.open("a") as file:
            file.write(line + "\n")

    def _caption_recall(self, towers: Towers) -> float:
        part = self._parts["flickr8k"]
        owners = [index for index, photo in enumerate(part.photos) for _ in photo.captions]
        texts = self._texts(towers, [caption for photo in part.photos for caption in photo.captions])
        holds = np.arange(len(part.photos))[:, None] == np.array(owners)[None, :]
        return recalls("", _pictures(towers, part.pixels) @ texts.T, holds, (10,))[" R@10"]

    def _label_recall(self, towers: Towers) -> float:
        part = self._parts["tinyimagenet"]
        labels = sorted({photo.label for photo in part.photos})
        holds = np.array([[photo.label == label for photo in part.photos] for label in labels])
        return recalls("", self._texts(towers, labels) @ _pictures(towers, part.pixels).T, holds, (1,))[" R@1"]

    def _texts(self, towers: Towers, texts: Sequence[str]) -> Vectors:
        ids = torch.from_numpy(token_ids(self._tokenizer, texts))
        return _joined([towers.text(ids[at : at + BATCH]) for at in range(0, len(ids), BATCH)])


@torch.inference_mode()
def _pictures(towers: Towers, pixels: Pixels) -> Vectors:
    small = torch.from_numpy(np.stack([resized(picture, SIDE_PX) for picture in pixels]))
    return _joined([towers.image(small[at : at + BATCH]) for at in range(0, len(small), BATCH)])


def _joined(pieces: Sequence[torch.Tensor]) -> Vectors:
    return torch.cat(list(pieces)).detach().float().numpy()
