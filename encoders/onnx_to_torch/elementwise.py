"""Operators that work element by element, and sums over axes."""

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from encoders.onnx_to_torch.attributes import Attributes
from encoders.onnx_to_torch.tensors import torch_type

Operator = Callable[..., Any]
"""Takes the attributes and the inputs of a node (None for one that is left out), returns its output or a tuple of them."""


def _plain(function: Callable[..., Any]) -> Operator:
    return lambda _, *inputs: function(*inputs)


def _div(_: Attributes, a: Tensor, b: Tensor) -> Tensor:
    return a / b if a.is_floating_point() else torch.div(a, b, rounding_mode="trunc")


def _mod(attributes: Attributes, a: Tensor, b: Tensor) -> Tensor:
    return torch.fmod(a, b) if attributes.integer("fmod") else torch.remainder(a, b)


def _pow(_: Attributes, a: Tensor, b: Tensor) -> Tensor:
    return torch.pow(a, b).to(a.dtype)


def _clip(_: Attributes, x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    return x if low is None and high is None else torch.clamp(x, low, high)


def _cast(attributes: Attributes, x: Tensor) -> Tensor:
    return x.to(torch_type(attributes.integer("to")))


def _gelu(attributes: Attributes, x: Tensor) -> Tensor:
    return functional.gelu(x, approximate=attributes.word("approximate", "none"))


def _axes(attributes: Attributes, x: Tensor, axes: Tensor | None) -> list[int]:
    """Return the axes to reduce over: an input since opset 18, an attribute before; none means all, or none on request."""
    given = [int(axis) for axis in axes.tolist()] if axes is not None else list(attributes.integers("axes"))
    return given or ([] if attributes.integer("noop_with_empty_axes") else list(range(x.dim())))


def _reduction(function: Callable[[Tensor, list[int], bool], Tensor]) -> Operator:
    def run(attributes: Attributes, x: Tensor, axes: Tensor | None = None) -> Tensor:
        over = _axes(attributes, x, axes)
        return function(x, over, bool(attributes.integer("keepdims", 1))) if over else x

    return run


def _product(x: Tensor, axes: list[int], keepdims: bool) -> Tensor:
    for axis in sorted((axis % x.dim() for axis in axes), reverse=True):
        x = torch.prod(x, axis, keepdim=keepdims)
    return x


def _arg(function: Callable[..., Tensor]) -> Operator:
    def run(attributes: Attributes, x: Tensor) -> Tensor:
        attributes.expect("select_last_index", 0, default=0)
        return function(x, dim=attributes.integer("axis"), keepdim=bool(attributes.integer("keepdims", 1)))

    return run


OPERATORS: Final[Mapping[str, Operator]] = {
    **{name: _plain(getattr(torch, name.lower())) for name in (
        "Abs", "Ceil", "Cos", "Erf", "Exp", "Floor", "IsInf", "IsNaN", "Log", "Neg", "Reciprocal", "Relu", "Round", "Sigmoid",
        "Sign", "Sin", "Sqrt", "Tanh", "Add", "Sub", "Mul", "Greater", "Less", "Where",
    )},
    "And": _plain(torch.logical_and),
    "ArgMax": _arg(torch.argmax),
    "ArgMin": _arg(torch.argmin),
    "Cast": _cast,
    "CastLike": lambda _, x, like: x.to(like.dtype),
    "Clip": _clip,
    "CumSum": lambda _, x, axis: torch.cumsum(x, int(axis)),
    "Div": _div,
    "Dropout": lambda _, x, *__: x,
    "Elu": lambda attributes, x: functional.elu(x, attributes.number("alpha", 1.0)),
    "Equal": _plain(torch.eq),
    "Gelu": _gelu,
    "GreaterOrEqual": _plain(torch.ge),
    "HardSigmoid": lambda a, x: torch.clamp(x * a.number("alpha", 0.2) + a.number("beta", 0.5), 0.0, 1.0),
    "HardSwish": _plain(functional.hardswish),
    "Identity": lambda _, x: x,
    "LeakyRelu": lambda attributes, x: functional.leaky_relu(x, attributes.number("alpha", 0.01)),
    "LessOrEqual": _plain(torch.le),
    "LogSoftmax": lambda attributes, x: torch.log_softmax(x, attributes.integer("axis", -1)),
    "Max": lambda _, *inputs: reduce(torch.maximum, inputs),
    "Min": lambda _, *inputs: reduce(torch.minimum, inputs),
    "Mish": _plain(functional.mish),
    "Mod": _mod,
    "Not": _plain(torch.logical_not),
    "Or": _plain(torch.logical_or),
    "Pow": _pow,
    "PRelu": lambda _, x, slope: torch.where(x < 0, x * slope, x),
    "ReduceL1": _reduction(lambda x, axes, keep: torch.linalg.vector_norm(x, 1, axes, keep)),
    "ReduceL2": _reduction(lambda x, axes, keep: torch.linalg.vector_norm(x, 2, axes, keep)),
    "ReduceLogSumExp": _reduction(torch.logsumexp),
    "ReduceMax": _reduction(torch.amax),
    "ReduceMean": _reduction(torch.mean),
    "ReduceMin": _reduction(torch.amin),
    "ReduceProd": _reduction(_product),
    "ReduceSum": _reduction(torch.sum),
    "ReduceSumSquare": _reduction(lambda x, axes, keep: torch.sum(x * x, axes, keep)),
    "Softmax": lambda attributes, x: torch.softmax(x, attributes.integer("axis", -1)),
    "Softplus": _plain(functional.softplus),
    "Sum": lambda _, *inputs: reduce(torch.add, inputs),
    "Swish": lambda a, x: x * torch.sigmoid(x * a.number("alpha", 1.0)),
    "Xor": _plain(torch.logical_xor),
}  # fmt: skip
