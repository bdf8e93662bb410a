"""The training loop: contrastive learning against the clock, on a GPU or on however many cores are free."""

import copy
import dataclasses
import math
import pathlib
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from training.batches import draw
from training.learner import Learner, loss_of, taught, wanted_of
from training.muon import Muon
from training.pool import Pool
from training.towers import RGB, Towers

WEIGHT_DECAY = 0.05
WARMUP_STEPS = 100
AVERAGE_DECAY = 0.998
MUON_RATE = 20.0
"""Muon's rate for each of AdamW's."""
CHECKPOINT_SECONDS = 120.0
REPORTS = 16
"""How often a run says where it is."""
STEPS_AHEAD = 8
"""How far the clock may be from the GPU, which works on while it is read."""
WARM_STEPS = 3
"""Steps of a new picture size before one is recorded: libraries choose and set up their kernels in them."""


@dataclasses.dataclass(frozen=True)
class Course:
    """The highest learning rate, pairs a step, the sides of the pictures with the progress (0 to 1) from which each is used,
    and how far teachers are believed."""

    rate: float
    batch: int
    sides: tuple[tuple[float, int], ...]
    trust: float = 0.0

    def side_at(self, progress: float) -> int:
        return [side for start, side in self.sides if progress >= start][-1]

    def rate_at(self, progress: float, step: int) -> float:
        """Linear warm-up in steps, then a cosine over wall-clock time, so that the run ends when it must."""
        warm = min(1.0, (step + 1) / WARMUP_STEPS)
        return self.rate * warm * max(0.01, 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))


Report = Callable[[float, int, float, Towers], None]
"""Told now and then: progress, steps, mean loss, and the averaged towers."""


class Run:
    """One run of `seconds`: a learner on the pool's device, its running average, the optimisers and the clock.

    On a GPU each size of pictures has one step recorded and replayed: drawing a batch, both towers, their gradients and all
    changes of weights go off in one launch (docs.pytorch.org, CUDA graphs).
    """

    def __init__(self, start: Learner, pool: Pool, course: Course, seconds: float, teachers: Sequence[Learner] = ()) -> None:
        self._pool, self.course, self._teachers = pool, course, [teacher.eval() for teacher in teachers]
        device = pool.pixels.device
        self.model = start.to(device).train()
        self.model.towers.image.to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.model)
        hidden = hidden_parameters(self.model.towers)
        self._rates = [torch.zeros((), device=device) for _ in range(2)]
        self._blend, self._lost = torch.zeros((), device=device), torch.zeros((), device=device)
        groups = parameter_groups(self.model, apart_from=hidden)
        on_gpu = device.type == "cuda"
        self._optimisers = (
            Muon(hidden, self._rates[0], WEIGHT_DECAY),
            torch.optim.AdamW(groups, lr=self._rates[1], betas=(0.9, 0.98), fused=True, capturable=on_gpu),
        )
        self._recorded: dict[int, torch.cuda.CUDAGraph] | None = {} if on_gpu else None
        self._warm: dict[int, int] = {}
        self.began, self.seconds, self.step = time.monotonic(), seconds, 0

    @property
    def progress(self) -> float:
        return (time.monotonic() - self.began) / self.seconds

    def learn(self, progress: float) -> None:
        """One step."""
        rate, side = self.course.rate_at(progress, self.step), self.course.side_at(progress)
        self._rates[0].fill_(MUON_RATE * rate)
        self._rates[1].fill_(rate)
        self._blend.fill_(1 - min(AVERAGE_DECAY, (1 + self.step) / (10 + self.step)))
        if self._recorded is None:
            self._learn(side)
        else:
            self._replay(side, self._recorded)
        self.step += 1

    def lost(self, steps: int) -> float:
        """The mean contrastive loss of the last `steps` steps, told once."""
        loss = float(self._lost) / max(1, steps)
        self._lost.zero_()
        return loss

    def _replay(self, side: int, recorded: dict[int, torch.cuda.CUDAGraph]) -> None:
        if side not in recorded:
            self._warm[side] = self._warm.get(side, 0) + 1
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                self._learn(side)
            torch.cuda.current_stream().wait_stream(stream)
            if self._warm[side] >= WARM_STEPS:
                self._forget_gradients()
                graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(graph):
                    self._learn(side)
                recorded[side] = graph
            return
        recorded[side].replay()

    def _learn(self, side: int) -> None:
        self._forget_gradients()
        batch = draw(self._pool, self.course.batch, side)
        wanted = taught(batch, self._teachers, self.course.trust) if self._teachers else wanted_of(batch)
        scores, named = self.model(batch)
        loss, contrast = loss_of(scores, named, wanted)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimiser in self._optimisers:
            optimiser.step()
        self._lost.add_(contrast.detach())
        move(self.average, self.model, self._blend)

    def _forget_gradients(self) -> None:
        for optimiser in self._optimisers:
            optimiser.zero_grad(set_to_none=True)


def train(run: Run, checkpoint: pathlib.Path, report: Report) -> None:
    """Learn until the clock ends; the averaged weights are in `checkpoint` every two minutes and at the end."""
    saved = reported = progress = run.progress
    told_at = 0
    while progress < 1:
        run.learn(progress)
        if run.step % STEPS_AHEAD and run.model.log_scale.is_cuda:
            continue
        if run.model.log_scale.is_cuda:
            torch.cuda.synchronize()
        progress = run.progress
        if (progress - saved) * run.seconds > CHECKPOINT_SECONDS:
            save(run.average, checkpoint)
            saved = progress
        if progress - reported > 1 / REPORTS:
            report(progress, run.step, run.lost(run.step - told_at), run.average.towers)
            told_at, reported = run.step, progress
    save(run.average, checkpoint)


def save(average: nn.Module, checkpoint: pathlib.Path) -> None:
    """Write the averaged weights whole or not at all."""
    partial = checkpoint.with_suffix(".partial")
    torch.save(average.state_dict(), partial)
    partial.replace(checkpoint)


@torch.no_grad()
def move(moved: nn.Module, towards: nn.Module, share: Tensor) -> None:
    """Move all weights and statistics of `moved` by `share` of the way: an exponential moving average, step by step."""
    for kept, new in zip(moved.state_dict().values(), towards.state_dict().values(), strict=True):
        if kept.dtype.is_floating_point:
            kept.lerp_(new, share)


def hidden_parameters(towers: Towers) -> list[nn.Parameter]:
    """The kernels and matrices between the first and the last layer of each tower."""
    layers = [*towers.image.stages.parameters(), *towers.text.layers.parameters()]
    return [parameter for parameter in layers if parameter.ndim > 1 and parameter.shape[1] > RGB]


def parameter_groups(module: nn.Module, *, apart_from: Sequence[nn.Parameter]) -> list[dict[str, object]]:
    """Weight decay for matrices and kernels only, not for norms, biases and the scale."""
    left_out = {id(parameter) for parameter in apart_from}
    parameters = [parameter for parameter in module.parameters() if id(parameter) not in left_out]
    large = [parameter for parameter in parameters if parameter.ndim > 1]
    small = [parameter for parameter in parameters if parameter.ndim <= 1]
    return [{"params": large, "weight_decay": WEIGHT_DECAY}, {"params": small, "weight_decay": 0.0}]
