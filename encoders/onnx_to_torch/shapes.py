"""Operators that move elements and change none."""

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from encoders.onnx_to_torch.attributes import Attributes, Unsupported
from encoders.onnx_to_torch.elementwise import Operator
from encoders.onnx_to_torch.tensors import from_onnx, torch_type

PADDING: Final = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


def _whole(values: Tensor) -> list[int]:
    return [int(value) for value in values.flatten().tolist()]


def _axes(attributes: Attributes, axes: Tensor | None) -> list[int]:
    return _whole(axes) if axes is not None else list(attributes.integers("axes"))


def _reshape(attributes: Attributes, x: Tensor, shape: Tensor) -> Tensor:
    copied = not attributes.integer("allowzero")
    return x.reshape([x.shape[i] if size == 0 and copied else size for i, size in enumerate(_whole(shape))])


def _flatten(attributes: Attributes, x: Tensor) -> Tensor:
    axis = attributes.integer("axis", 1)
    rows = int(torch.tensor(x.shape[:axis]).prod())
    return x.reshape(rows, -1)


def _transpose(attributes: Attributes, x: Tensor) -> Tensor:
    return x.permute(attributes.integers("perm", tuple(range(x.dim()))[::-1]))


def _squeeze(attributes: Attributes, x: Tensor, axes: Tensor | None = None) -> Tensor:
    over = _axes(attributes, axes)
    return x.squeeze(over) if over else x.squeeze()


def _unsqueeze(attributes: Attributes, x: Tensor, axes: Tensor | None = None) -> Tensor:
    over = _axes(attributes, axes)
    rank = x.dim() + len(over)
    for axis in sorted(axis % rank for axis in over):
        x = x.unsqueeze(axis)
    return x


def _expand(_: Attributes, x: Tensor, shape: Tensor) -> Tensor:
    return x.expand(torch.broadcast_shapes(x.shape, _whole(shape)))


def _concat(attributes: Attributes, *inputs: Tensor) -> Tensor:
    return torch.cat(inputs, attributes.integer("axis"))


def _split(attributes: Attributes, x: Tensor, sizes: Tensor | None = None) -> tuple[Tensor, ...]:
    axis = attributes.integer("axis")
    if sizes is not None:
        return torch.split(x, _whole(sizes), axis)
    return torch.split(x, -(-x.shape[axis] // attributes.outputs), axis)


def _slice(
    _: Attributes, x: Tensor, starts: Tensor, ends: Tensor, axes: Tensor | None = None, steps: Tensor | None = None
) -> Tensor:
    over = _whole(axes) if axes is not None else list(range(starts.numel()))
    strides = _whole(steps) if steps is not None else [1] * len(over)
    for axis, start, end, step in zip(over, _whole(starts), _whole(ends), strides, strict=True):
        x = _slice_one(x, axis % x.dim(), start, end, step)
    return x


def _slice_one(x: Tensor, axis: int, start: int, end: int, step: int) -> Tensor:
    places = range(x.shape[axis])[start:end:step]
    if step > 0:
        return x.narrow(axis, places[0] if places else 0, places[-1] + 1 - places[0] if places else 0)[
            (slice(None),) * axis + (slice(None, None, step),)
        ]
    return x.index_select(axis, torch.tensor(places, dtype=torch.int64, device=x.device))


def _gather(attributes: Attributes, x: Tensor, indices: Tensor) -> Tensor:
    axis = attributes.integer("axis") % x.dim()
    if indices.dim() == 0 and indices.device.type == "cpu":
        return x.select(axis, int(indices))
    positive = torch.where(indices < 0, indices + x.shape[axis], indices)
    picked = x.index_select(axis, positive.flatten())
    return picked.reshape(*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])


def _gather_nd(attributes: Attributes, x: Tensor, indices: Tensor) -> Tensor:
    attributes.expect("batch_dims", 0, default=0)
    return x[indices.unbind(-1)]


def _gather_elements(attributes: Attributes, x: Tensor, indices: Tensor) -> Tensor:
    axis = attributes.integer("axis")
    return x.gather(axis, torch.where(indices < 0, indices + x.shape[axis], indices))


def _constant(attributes: Attributes) -> Tensor:
    if (value := attributes.tensor("value")) is not None:
        return from_onnx(value)
    for name, kind in (("value_int", torch.int64), ("value_float", torch.float32)):
        if name in attributes:
            return torch.tensor(attributes.number(name), dtype=kind)
    if "value_ints" in attributes:
        return torch.tensor(attributes.integers("value_ints"), dtype=torch.int64)
    raise Unsupported("a constant that is neither a tensor nor a number")


def _constant_of_shape(attributes: Attributes, shape: Tensor) -> Tensor:
    value = attributes.tensor("value")
    fill = from_onnx(value) if value is not None else torch.zeros(1)
    return fill.reshape(()).expand(_whole(shape)).clone()


def _range(_: Attributes, start: Tensor, limit: Tensor, delta: Tensor) -> Tensor:
    return torch.arange(start.item(), limit.item(), delta.item(), dtype=start.dtype)


def _shape(attributes: Attributes, x: Tensor) -> Tensor:
    end = attributes.integer("end") if "end" in attributes else None
    return torch.tensor(x.shape[attributes.integer("start") : end], dtype=torch.int64)


def _eye_like(attributes: Attributes, x: Tensor) -> Tensor:
    kind = torch_type(attributes.integer("dtype")) if "dtype" in attributes else x.dtype
    return torch.diag(torch.ones(max(x.shape), dtype=kind), attributes.integer("k"))[: x.shape[0], : x.shape[1]]


def _trilu(attributes: Attributes, x: Tensor, k: Tensor | None = None) -> Tensor:
    cut = torch.triu if attributes.integer("upper", 1) else torch.tril
    return cut(x, 0 if k is None else int(k))


def _pad(attributes: Attributes, x: Tensor, pads: Tensor, value: Tensor | None = None, axes: Tensor | None = None) -> Tensor:
    mode = attributes.word("mode", "constant")
    sizes = _whole(pads)
    over = [axis % x.dim() for axis in _whole(axes)] if axes is not None else list(range(x.dim()))
    before, after = dict(zip(over, sizes, strict=False)), dict(zip(over, sizes[len(over) :], strict=True))
    ends = [(before.get(axis, 0), after.get(axis, 0)) for axis in reversed(range(x.dim()))]
    flat = [size for pair in ends for size in pair]
    if mode == "constant":
        return functional.pad(x, flat, value=0 if value is None else value.item())
    while flat[-2:] == [0, 0]:
        flat = flat[:-2]
    return functional.pad(x, flat, mode=PADDING[mode])


OPERATORS: Final[Mapping[str, Operator]] = {
    "Concat": _concat,
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Expand": _expand,
    "EyeLike": _eye_like,
    "Flatten": _flatten,
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "Pad": _pad,
    "Range": _range,
    "Reshape": _reshape,
    "Shape": _shape,
    "Size": lambda _, x: torch.tensor(x.numel(), dtype=torch.int64),
    "Slice": _slice,
    "Split": _split,
    "Squeeze": _squeeze,
    "Tile": lambda _, x, repeats: x.tile(_whole(repeats)),
    "Transpose": _transpose,
    "Trilu": _trilu,
    "Unsqueeze": _unsqueeze,
}
