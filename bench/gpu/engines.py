"""Ways to run one tower, each as what runs a batch that lies on the device already."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from bench.gpu.clock import DEVICE
from bench.gpu.plain import plain
from bench.vit import Sizes
from encoders.pytorch import CpuTower, CudaTower, open_tower

Batch = Callable[[], object]
Engine = Callable[[int], Batch]
"""Given how many pictures a batch has, returns what runs it once."""


def eager(sizes: Sizes) -> Engine:
    """Return plain torch, one kernel after the other."""
    return _fed(plain(sizes, DEVICE), sizes)


def compiled(sizes: Sizes) -> Engine:
    """Return the same with each block compiled; they share what is compiled, which takes seconds in place of a minute."""
    model = plain(sizes, DEVICE)
    for block in model.blocks:
        block.compile(dynamic=False)
    return _fed(model, sizes)


def ours(folder: Path, sizes: Sizes) -> Engine:
    """Return the backend `#torch`: the folder's own graph, on a GPU captured as a CUDA graph."""
    names = {"input_name": "pixels", "output_name": "image_embeds"}
    return of_tower(open_tower(folder / "image.onnx", **names, threads=torch.get_num_threads()), sizes.side)


def of_tower(tower: CpuTower | CudaTower, side: int) -> Engine:
    """Return a tower that is open already."""

    def prepare(count: int) -> Batch:
        if isinstance(tower, CudaTower):
            return tower.captured(count, _pixels(1, side)).graph.replay
        pixels = _pixels(count, side)
        return lambda: tower.run(pixels)

    return prepare


def _fed(model: torch.nn.Module, sizes: Sizes) -> Engine:
    def prepare(count: int) -> Batch:
        pixels = torch.from_numpy(_pixels(count, sizes.side)).to(DEVICE)

        def run() -> object:
            with torch.inference_mode():
                return model(pixels)

        return run

    return prepare


def _pixels(count: int, side: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)
