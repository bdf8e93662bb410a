"""Muon: momentum whose steps are made orthogonal (Jordan et al. 2024, kellerjordan.github.io/posts/muon)."""

from collections.abc import Sequence
from concurrent.futures import Executor

import torch
from torch import nn

MOMENTUM = 0.95
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""A quintic that draws singular values towards 1 in `ROUNDS` rounds, as published."""
ROUNDS = 5


class Muon(torch.optim.Optimizer):
    """For kernels and matrices of hidden layers, [outputs, ...]: every direction of a step has about the same length.

    Needs a fifth fewer pairs than AdamW here for the same loss; its products cost a tenth of a step's time on both cores.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], lr: float, weight_decay: float, threads: Executor) -> None:
        # The largest first: the threads end together.
        ordered = sorted(parameters, key=torch.Tensor.numel, reverse=True)
        super().__init__(ordered, {"lr": lr, "weight_decay": weight_decay})
        self._momenta = {parameter: torch.zeros_like(parameter) for parameter in ordered}
        self._threads = threads

    @torch.no_grad()
    def step(self, _closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            moves = list(self._threads.map(self._direction, group["params"]))
            for parameter, move in zip(group["params"], moves, strict=True):
                parameter.mul_(1 - group["lr"] * group["weight_decay"]).add_(move, alpha=-group["lr"])

    @torch.no_grad()
    def _direction(self, parameter: nn.Parameter) -> torch.Tensor:
        gradient = gradient_of(parameter)
        momentum = self._momenta[parameter].lerp_(gradient, 1 - MOMENTUM)
        ahead = gradient.lerp(momentum, MOMENTUM).flatten(1)
        longer: float = max(1.0, ahead.shape[0] / ahead.shape[1]) ** 0.5
        direction: torch.Tensor = orthogonal(ahead) * longer
        return direction.view_as(parameter)


def gradient_of(tensor: torch.Tensor) -> torch.Tensor:
    """What a backward pass has left in `tensor`."""
    assert tensor.grad is not None
    return tensor.grad


def orthogonal(matrix: torch.Tensor) -> torch.Tensor:
    """About U V^T for `matrix` = U S V^T: float32 [m, n], singular values within some 0.7 to 1.2."""
    a, b, c = NEWTON_SCHULZ
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).bfloat16()
    x = x / (x.norm() + 1e-7)
    for _ in range(ROUNDS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    made: torch.Tensor = x.T if tall else x
    return made.float()
