"""The learning curve: held-out figures of the averaged towers while they learn, as lines of a CSV file."""

import pathlib
from collections.abc import Sequence

import cv2
import numpy as np
import tokenizers
import torch
from torch import Tensor

from training.photos import Part
from training.recall import recalls
from training.towers import Towers
from training.vocabulary import token_ids
from training.world.shapes import Pixels

SIDE_PX = 80
BATCH = 500
COLUMNS = "run,progress,steps,loss,flickr8k_text_to_image_r10,tinyimagenet_top1"


class Curve:
    """Appends to `path` what the towers find among the held-out photos of Flickr8k and Tiny ImageNet: 80 px, as the
    finished model sees, no prompts."""

    def __init__(self, parts: Sequence[Part], tokenizer: tokenizers.Tokenizer, path: pathlib.Path, device: torch.device) -> None:
        captioned, labelled = (next(part for part in parts if part.name == name) for name in ("flickr8k", "tinyimagenet"))
        self._path, self.run = path, ""
        self._captioned, self._labelled = (_resized(part.pixels).to(device) for part in (captioned, labelled))
        owners = [index for index, photo in enumerate(captioned.photos) for _ in photo.captions]
        labels = sorted({photo.label for photo in labelled.photos})
        self._own = np.arange(len(captioned.photos))[:, None] == np.array(owners)[None, :]
        self._named = np.array([[photo.label == label for photo in labelled.photos] for label in labels])
        captions = [caption for photo in captioned.photos for caption in photo.captions]
        self._captions, self._labels = (torch.from_numpy(token_ids(tokenizer, t)).to(device) for t in (captions, labels))
        path.write_text(COLUMNS + "\n")

    def note(self, progress: float, steps: int, loss: float, towers: Towers) -> None:
        """Add one line, and print it."""
        towers.eval()
        captions = _vectors(towers.image, self._captioned) @ _vectors(towers.text, self._captions).T
        labels = _vectors(towers.text, self._labels) @ _vectors(towers.image, self._labelled).T
        towers.train()
        found = (recalls("", captions.numpy(), self._own, (10,))[" R@10"], recalls("", labels.numpy(), self._named, (1,))[" R@1"])
        line = f"{self.run},{progress:.3f},{steps},{loss:.3f},{found[0]:.4f},{found[1]:.4f}"
        print(line, flush=True)
        with self._path.open("a") as file:
            file.write(line + "\n")


@torch.inference_mode()
def _vectors(tower: torch.nn.Module, rows: Tensor) -> Tensor:
    """float32 [rows, dimension], on the host."""
    return torch.cat([tower(rows[at : at + BATCH]) for at in range(0, len(rows), BATCH)]).float().cpu()


def _resized(pixels: Pixels) -> Tensor:
    how = cv2.INTER_AREA if pixels.shape[1] > SIDE_PX else cv2.INTER_LINEAR
    return torch.from_numpy(np.stack([cv2.resize(picture, (SIDE_PX, SIDE_PX), interpolation=how) for picture in pixels]))
