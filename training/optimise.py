"""The training loop: contrastive learning against the clock, on however many cores are free."""

import copy
import dataclasses
import math
import pathlib
import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from training.loader import Batch, Loader
from training.loss import ContrastiveLoss
from training.towers import Towers
from training.vocabulary import PAD_ID

WEIGHT_DECAY = 0.05
WARMUP_STEPS = 100
AVERAGE_DECAY = 0.998
CHECKPOINT_SECONDS = 120.0
REPORT_STEPS = 50
TEXT_CHUNKS = 4


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
FROM_NOTHING = Course(1e-3, ((0.0, 48), (0.6, 64)))
FINISH = Course(5e-4, ((0.0, 64),))


class Run:
    """One run of `seconds`: the towers, their running average, the optimiser and the clock."""

    def __init__(self, start: Towers, course: Course, seconds: float) -> None:
        self.course = course
        self.model, self.average, self.loss = start, copy.deepcopy(start), ContrastiveLoss()
        self.model.image.to(memory_format=torch.channels_last)
        groups = parameter_groups([self.model, self.loss])
        self.optimiser = torch.optim.AdamW(groups, lr=course.rate, betas=(0.9, 0.98), fused=True)
        self.began, self.seconds, self.step = time.monotonic(), seconds, 0

    @property
    def progress(self) -> float:
        return (time.monotonic() - self.began) / self.seconds

    def learn(self, batch: Batch) -> float:
        """One step; returns its loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.course.rate_at(self.progress, self.step)
        with torch.autocast("cpu", torch.bfloat16):
            images = self.model.image(torch.from_numpy(batch.pixels))
            texts = torch.cat([self.model.text(ids) for ids in trimmed(batch.input_ids)])
        loss = self.loss(images.float(), texts.float(), torch.from_numpy(batch.positives))
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        blend(self.average, self.model, self.step)
        self.step += 1
        return float(loss.detach())


def train(run: Run, loader: Loader, threads: int, checkpoint: pathlib.Path) -> None:
    """Learn until the clock ends; the averaged weights are in `checkpoint` every two minutes and at the end."""
    pace, losses = Pace(threads), list[float]()
    saved = reported = time.monotonic()
    while run.progress < 1:
        batch = loader.next(run.course.side_at(run.progress))
        torch.set_num_threads(pace.threads_at(run.step))
        before = time.monotonic()
        losses.append(run.learn(batch))
        now = time.monotonic()
        pace.note(now - before)
        if len(losses) == REPORT_STEPS:
            steps_per_second = len(losses) / (now - reported)
            print(f"{run.progress:4.0%} step {run.step} loss {np.mean(losses):.3f} {steps_per_second:.2f} steps/s", flush=True)
            losses, reported = [], now
        if now - saved > CHECKPOINT_SECONDS:
            save(run.average, checkpoint)
            saved = now
    save(run.average, checkpoint)


def trimmed(input_ids: npt.NDArray[np.int64]) -> list[torch.Tensor]:
    """The rows, shortest first, in `TEXT_CHUNKS` pieces without the padding that a piece has in common."""
    pieces = np.array_split(input_ids, TEXT_CHUNKS)
    return [torch.from_numpy(piece[:, : max(1, int((piece != PAD_ID).sum(1).max()))]) for piece in pieces]


def save(average: nn.Module, checkpoint: pathlib.Path) -> None:
    """Write the averaged weights whole or not at all."""
    partial = checkpoint.with_suffix(".partial")
    torch.save(average.state_dict(), partial)
    partial.replace(checkpoint)


def blend(average: nn.Module, model: nn.Module, step: int) -> None:
    """Move `average` towards `model`: an exponential moving average that starts fast."""
    decay = min(AVERAGE_DECAY, (1 + step) / (10 + step))
    with torch.no_grad():
        for kept, new in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
            if kept.dtype.is_floating_point:
                kept.lerp_(new, 1 - decay)


def parameter_groups(modules: Sequence[nn.Module]) -> list[dict[str, object]]:
    """Weight decay for matrices and kernels only, not for norms, biases and the scale."""
    parameters = [parameter for module in modules for parameter in module.parameters()]
    large = [parameter for parameter in parameters if parameter.ndim > 1]
    small = [parameter for parameter in parameters if parameter.ndim <= 1]
    return [{"params": large, "weight_decay": WEIGHT_DECAY}, {"params": small, "weight_decay": 0.0}]


class Pace:
    """How many threads to use: each count is timed again every `ROUND` steps, as other work comes and goes."""

    ROUND, TRIAL = 200, 6

    def __init__(self, most: int) -> None:
        self._fastest: dict[int, float] = {}
        self._threads, self._most = most, most

    def threads_at(self, step: int) -> int:
        """One thread for `TRIAL` steps, two for the next, and so on; then the count with the fastest step."""
        trial, place = divmod(step % self.ROUND, self.TRIAL)
        if trial < self._most:
            self._threads = trial + 1
            if place == 0:
                self._fastest.pop(self._threads, None)
        else:
            self._threads = min(self._fastest, key=self._fastest.__getitem__)
        return self._threads

    def note(self, seconds: float) -> None:
        self._fastest[self._threads] = min(seconds, self._fastest.get(self._threads, math.inf))
