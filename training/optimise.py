"""The training loop: contrastive learning against the clock, on however many cores are free."""

import copy
import dataclasses
import math
import pathlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from training.loader import Batch, Loader
from training.loss import ContrastiveLoss
from training.muon import Muon, gradient_of
from training.towers import Towers
from training.vocabulary import PAD_ID

WEIGHT_DECAY = 0.05
WARMUP_STEPS = 100
AVERAGE_DECAY = 0.998
FACTS_WEIGHT = 0.5
MUON_RATE = 20.0
"""Muon's rate for each of AdamW's."""
RGB = 3
CHECKPOINT_SECONDS = 120.0
REPORTS = 16
"""How often a run says where it is."""

Piece = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""Vectors of some pictures, vectors of their texts, and their share of the loss of naming facts."""


@dataclasses.dataclass(frozen=True)
class Course:
    """The highest learning rate, and the sides of the pictures with the progress (0 to 1) from which each is used."""

    rate: float
    sides: tuple[tuple[float, int], ...]

    def side_at(self, progress: float) -> int:
        return [side for start, side in self.sides if progress >= start][-1]

    def rate_at(self, progress: float, step: int) -> float:
        """Linear warm-up in steps, then a cosine over wall-clock time, so that the run ends when it must."""
        warm = min(1.0, (step + 1) / WARMUP_STEPS)
        return self.rate * warm * max(0.01, 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))


# Small pictures first: most of what there is to learn shows at 48 px, at half the cost of 64.
FROM_NOTHING = Course(1e-3, ((0.0, 48), (0.45, 64), (0.75, 80)))
# Warmed up again, less than at first, and back to 64 px for half of its time.
AGAIN = Course(7e-4, ((0.0, 64), (0.5, 80)))

Report = Callable[[float, int, float, Towers], None]
"""Told now and then: progress, steps, mean loss, and the averaged towers."""


class Run:
    """One run of `seconds`: the towers, their running average, the optimiser, the clock, and one core for each thread.

    A step's pictures and texts are cut into a piece a thread, and each piece goes through the towers and back on one core:
    on small layers that beats sharing every operation between cores, and a core that is lent away delays its piece alone.
    """

    def __init__(self, start: Towers, classes: int, course: Course, seconds: float, threads: int) -> None:
        torch.set_num_threads(1)
        self.course, self.model, self.average = course, start, copy.deepcopy(start)
        self.loss, self.facts = ContrastiveLoss(), nn.Linear(start.image.features, classes)
        self.model.image.to(memory_format=torch.channels_last)
        self._threads, self._pieces = ThreadPoolExecutor(threads), threads
        hidden = hidden_parameters(self.model)
        rest = parameter_groups([self.model, self.loss, self.facts], apart_from=hidden)
        self.optimisers = (
            Muon(hidden, MUON_RATE * course.rate, WEIGHT_DECAY, self._threads),
            torch.optim.AdamW(rest, lr=course.rate, betas=(0.9, 0.98), fused=True),
        )
        self.began, self.seconds, self.step = time.monotonic(), seconds, 0

    @property
    def progress(self) -> float:
        return (time.monotonic() - self.began) / self.seconds

    def learn(self, batch: Batch) -> float:
        """One step; returns its contrastive loss."""
        self._set_rate(self.course.rate_at(self.progress, self.step))
        rows = [slice(int(piece[0]), int(piece[-1]) + 1) for piece in np.array_split(np.arange(len(batch.pixels)), self._pieces)]
        ahead = list(self._threads.map(lambda piece: self._forward(batch, piece), rows))
        images, texts = (torch.cat([piece[tower] for piece in ahead]).detach().requires_grad_() for tower in (0, 1))
        loss = self.loss(images, texts, torch.from_numpy(batch.positives))
        loss.backward()
        of_images, of_texts = gradient_of(images), gradient_of(texts)
        list(self._threads.map(lambda piece, at: _backward(piece, of_images[at], of_texts[at]), ahead, rows))
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimiser in self.optimisers:
            optimiser.step()
        blend(self.average, self.model, self.step)
        self.step += 1
        return float(loss.detach())

    def _set_rate(self, rate: float) -> None:
        muon, adam = self.optimisers
        muon.param_groups[0]["lr"] = MUON_RATE * rate
        for group in adam.param_groups:
            group["lr"] = rate
        for optimiser in self.optimisers:
            optimiser.zero_grad()

    def _forward(self, batch: Batch, rows: slice) -> Piece:
        """Vectors of the rows, and their share of the loss of naming what the pictures show."""
        torch.set_num_threads(1)
        with torch.autocast("cpu", torch.bfloat16):
            features = self.model.image.features_of(torch.from_numpy(batch.pixels[rows]))
            images = self.model.image.vectors_of(features)
            texts = self.model.text(torch.from_numpy(trimmed(batch.input_ids[rows])))
            named = self.facts(features).float().log_softmax(1)
        facts = -(torch.from_numpy(batch.facts[rows]) * named).sum() * (FACTS_WEIGHT / len(batch.pixels))
        return images.float(), texts.float(), facts


def train(run: Run, loader: Loader, checkpoint: pathlib.Path, report: Report) -> None:
    """Learn until the clock ends; the averaged weights are in `checkpoint` every two minutes and at the end."""
    losses, saved, reported = list[float](), run.progress, run.progress
    while run.progress < 1:
        losses.append(run.learn(loader.next(run.course.side_at(run.progress))))
        if (run.progress - saved) * run.seconds > CHECKPOINT_SECONDS:
            save(run.average, checkpoint)
            saved = run.progress
        if run.progress - reported > 1 / REPORTS:
            report(run.progress, run.step, float(np.mean(losses)), run.average)
            losses, reported = [], run.progress
    save(run.average, checkpoint)


def _backward(piece: Piece, of_images: torch.Tensor, of_texts: torch.Tensor) -> None:
    images, texts, facts = piece
    torch.autograd.backward([images, texts, facts], [of_images, of_texts, torch.ones_like(facts)])


def trimmed(input_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The rows without the padding that they have in common."""
    return input_ids[:, : max(1, int((input_ids != PAD_ID).sum(1).max()))]


def save(average: nn.Module, checkpoint: pathlib.Path) -> None:
    """Write the averaged weights whole or not at all."""
    partial = checkpoint.with_suffix(".partial")
    torch.save(average.state_dict(), partial)
    partial.replace(checkpoint)


def blend(average: nn.Module, model: nn.Module, step: int) -> None:
    """Move `average` towards `model`: an exponential moving average that starts fast."""
    _move(average, model, 1 - min(AVERAGE_DECAY, (1 + step) / (10 + step)))


def halfway(first: Towers, second: Towers) -> Towers:
    """Towers whose weights are the mean of both."""
    between = copy.deepcopy(first)
    _move(between, second, 0.5)
    return between


@torch.no_grad()
def _move(moved: nn.Module, towards: nn.Module, share: float) -> None:
    for kept, new in zip(moved.state_dict().values(), towards.state_dict().values(), strict=True):
        if kept.dtype.is_floating_point:
            kept.lerp_(new, share)


def hidden_parameters(towers: Towers) -> list[nn.Parameter]:
    """The kernels and matrices between the first and the last layer of each tower."""
    layers = [*towers.image.stages.parameters(), *towers.text.layers.parameters()]
    return [parameter for parameter in layers if parameter.ndim > 1 and parameter.shape[1] > RGB]


def parameter_groups(modules: Sequence[nn.Module], *, apart_from: Sequence[nn.Parameter]) -> list[dict[str, object]]:
    """Weight decay for matrices and kernels only, not for norms, biases and the scale."""
    left_out = {id(parameter) for parameter in apart_from}
    parameters = [parameter for module in modules for parameter in module.parameters() if id(parameter) not in left_out]
    large = [parameter for parameter in parameters if parameter.ndim > 1]
    small = [parameter for parameter in parameters if parameter.ndim <= 1]
    return [{"params": large, "weight_decay": WEIGHT_DECAY}, {"params": small, "weight_decay": 0.0}]
