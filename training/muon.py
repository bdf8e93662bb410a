"""Muon: momentum whose steps are made orthogonal (Jordan et al. 2024, kellerjordan.github.io/posts/muon)."""

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor, nn

MOMENTUM = 0.95
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""A quintic that draws singular values towards 1 in `ROUNDS` rounds, as published."""
ROUNDS = 5


class Muon(torch.optim.Optimizer):
    """For kernels and matrices of hidden layers, [outputs, ...]: every direction of a step has about the same length.

    `lr` is a tensor, so that a recorded step follows it. Parameters of one form are made orthogonal together.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], lr: Tensor, weight_decay: float) -> None:
        super().__init__(list(parameters), {"lr": lr, "weight_decay": weight_decay})
        self._momenta = {parameter: torch.zeros_like(parameter) for parameter in parameters}
        alike = defaultdict[tuple[int, int], list[nn.Parameter]](list)
        for parameter in parameters:
            alike[_form(parameter)].append(parameter)
        self._alike = list(alike.values())

    @torch.no_grad()
    def step(self, _closure: None = None) -> None:  # type: ignore[override]
        rate, decay = self.param_groups[0]["lr"], self.param_groups[0]["weight_decay"]
        for parameters in self._alike:
            moves = orthogonal(torch.stack([self._ahead(parameter) for parameter in parameters]))
            for parameter, move in zip(parameters, moves, strict=True):
                longer: float = max(1.0, parameter.shape[0] / parameter[0].numel()) ** 0.5
                parameter.mul_(1 - rate * decay).sub_(move.view_as(parameter) * (rate * longer))

    def _ahead(self, parameter: nn.Parameter) -> Tensor:
        gradient = gradient_of(parameter)
        momentum = self._momenta[parameter].lerp_(gradient, 1 - MOMENTUM)
        return gradient.lerp(momentum, MOMENTUM).flatten(1)


def gradient_of(tensor: Tensor) -> Tensor:
    """What a backward pass has left in `tensor`."""
    assert tensor.grad is not None
    return tensor.grad


def orthogonal(matrices: Tensor) -> Tensor:
    """About U V^T for each of `matrices` = U S V^T: float32 [..., m, n], singular values within some 0.7 to 1.2."""
    a, b, c = NEWTON_SCHULZ
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = (matrices.mT if tall else matrices).bfloat16()
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(ROUNDS):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    made: Tensor = x.mT if tall else x
    return made.float()


def _form(parameter: nn.Parameter) -> tuple[int, int]:
    return parameter.shape[0], parameter[0].numel()
