"""Operators with weights: products, convolutions, pooling, normalisation, attention."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from encoders.onnx_to_torch.attributes import Attributes, Unsupported
from encoders.onnx_to_torch.elementwise import Operator

Layer = Callable[..., Tensor]
CONVOLUTIONS: Final[tuple[Layer, ...]] = (functional.conv1d, functional.conv2d, functional.conv3d)
MEANS: Final[tuple[Layer, ...]] = (functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d)
MAXIMA: Final[tuple[Layer, ...]] = (functional.max_pool1d, functional.max_pool2d, functional.max_pool3d)


def _gemm(attributes: Attributes, a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
    a = a.t() if attributes.integer("transA") else a
    alpha, beta = attributes.number("alpha", 1.0), attributes.number("beta", 1.0)
    weight = b if attributes.integer("transB") else b.t()
    if c is None or (alpha == beta == 1.0 and c.dim() == 1):
        return functional.linear(a, weight, c) * alpha if alpha != 1.0 else functional.linear(a, weight, c)
    return torch.addmm(c, a, weight.t(), beta=beta, alpha=alpha)


def _linear(_: Attributes, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return functional.linear(x, weight.t(), bias)


def _linear_gelu(_: Attributes, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A linear layer and GELU by tanh, as `encoders.onnx_to_torch.fusion` writes them; on a GPU in one kernel."""
    if not x.is_cuda:  # there the function below takes the other GELU
        return functional.gelu(functional.linear(x, weight.t(), bias), approximate="tanh")
    rows = torch._addmm_activation(bias, x.reshape(-1, x.shape[-1]), weight, use_gelu=True)  # noqa: SLF001  it has no other name
    return rows.view(*x.shape[:-1], -1)


def _padded(attributes: Attributes, x: Tensor, rank: int, value: float = 0.0) -> tuple[Tensor, list[int]]:
    """Return `x` and the padding of its last `rank` axes; where the two sides differ, it is laid on here."""
    attributes.expect("auto_pad", "NOTSET", "VALID", default="NOTSET")
    pads = attributes.integers("pads", (0,) * (2 * rank))
    before, after = list(pads[:rank]), list(pads[rank:])
    if before == after:
        return x, before
    sides = [size for axis in reversed(range(rank)) for size in (before[axis], after[axis])]
    return functional.pad(x, sides, value=value), [0] * rank


def _conv(attributes: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    rank = x.dim() - 2
    x, padding = _padded(attributes, x, rank)
    ones = (1,) * rank
    strides, dilations = attributes.integers("strides", ones), attributes.integers("dilations", ones)
    return CONVOLUTIONS[rank - 1](x, weight, bias, strides, padding, dilations, attributes.integer("group", 1))


def _average_pool(attributes: Attributes, x: Tensor) -> Tensor:
    rank = x.dim() - 2
    pads = attributes.integers("pads", (0,) * (2 * rank))
    if pads[:rank] != pads[rank:]:
        raise Unsupported(f"pads {pads}")
    x, padding = _padded(attributes, x, rank)
    kernel, strides = attributes.integers("kernel_shape"), attributes.integers("strides", (1,) * rank)
    return MEANS[rank - 1](
        x, kernel, strides, padding, bool(attributes.integer("ceil_mode")), bool(attributes.integer("count_include_pad"))
    )


def _max_pool(attributes: Attributes, x: Tensor) -> Tensor:
    rank = x.dim() - 2
    x, padding = _padded(attributes, x, rank, float("-inf"))
    ones = (1,) * rank
    kernel, strides = attributes.integers("kernel_shape"), attributes.integers("strides", ones)
    dilations = attributes.integers("dilations", ones)
    return MAXIMA[rank - 1](x, kernel, strides, padding, dilations, bool(attributes.integer("ceil_mode")))


def _global(pool: Callable[..., Tensor]) -> Operator:
    return lambda _, x: pool(x, dim=tuple(range(2, x.dim())), keepdim=True)


def _batch_norm(attributes: Attributes, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    attributes.expect("training_mode", 0, default=0)
    return functional.batch_norm(x, mean, variance, scale, bias, eps=attributes.number("epsilon", 1e-5))


def _layer_norm(attributes: Attributes, x: Tensor, scale: Tensor, bias: Tensor | None = None) -> Tensor:
    shape = x.shape[attributes.integer("axis", -1) :]
    shift = None if bias is None else bias.expand(shape)
    return functional.layer_norm(x, shape, scale.expand(shape), shift, attributes.number("epsilon", 1e-5))


def _rms_norm(attributes: Attributes, x: Tensor, scale: Tensor) -> Tensor:
    shape = list(x.shape[attributes.integer("axis", -1) :])
    return functional.rms_norm(x, shape, scale.expand(shape), attributes.number("epsilon", 1e-5))


def _group_norm(attributes: Attributes, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    return functional.group_norm(x, attributes.integer("num_groups"), scale, bias, attributes.number("epsilon", 1e-5))


def _instance_norm(attributes: Attributes, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    return functional.instance_norm(x, weight=scale, bias=bias, eps=attributes.number("epsilon", 1e-5))


def _lp_norm(attributes: Attributes, x: Tensor) -> Tensor:
    norm = torch.linalg.vector_norm(x, attributes.integer("p", 2), attributes.integer("axis", -1), keepdim=True)
    return torch.where(norm == 0, torch.zeros_like(x), x / norm)


def _fused_attention(attributes: Attributes, q: Tensor, k_transposed: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Attention as `encoders.onnx_to_torch.fusion` writes it: the product, the scale, the mask and the softmax in one."""
    k = k_transposed.transpose(-1, -2)
    return functional.scaled_dot_product_attention(q, k, v, _mask(mask, q), scale=attributes.number("scale", 1.0))


def _attention(attributes: Attributes, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, *past: Any) -> Tensor:
    """Attention of opset 23, without a past."""
    if any(one is not None for one in past) or attributes.outputs > 1 or attributes.number("softcap"):
        raise Unsupported("a past, further outputs or a soft cap")
    joined = q.dim() == 3
    if joined:
        heads = attributes.integer("q_num_heads"), attributes.integer("kv_num_heads")
        q, k, v = (_split_heads(x, number) for x, number in zip((q, k, v), (heads[0], heads[1], heads[1]), strict=True))
    scale = attributes.number("scale") if "scale" in attributes else None
    causal, grouped = bool(attributes.integer("is_causal")), q.shape[1] != k.shape[1]
    if causal and mask is not None:
        raise Unsupported("a mask besides is_causal")
    mixed: Tensor = functional.scaled_dot_product_attention(
        q, k, v, _mask(mask, q), is_causal=causal, scale=scale, enable_gqa=grouped
    )
    return mixed.transpose(1, 2).flatten(2) if joined else mixed


def _split_heads(x: Tensor, heads: int) -> Tensor:
    return x.reshape(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)


def _mask(mask: Tensor | None, q: Tensor) -> Tensor | None:
    return mask if mask is None or mask.dtype is torch.bool else mask.to(q.dtype)


def _einsum(attributes: Attributes, *inputs: Tensor) -> Tensor:
    mixed: Tensor = torch.einsum(attributes.word("equation", ""), *inputs)
    return mixed


OPERATORS: Final[Mapping[str, Operator]] = {
    "Attention": _attention,
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "Conv": _conv,
    "Einsum": _einsum,
    "FusedAttention": _fused_attention,
    "Gemm": _gemm,
    "GlobalAveragePool": _global(torch.mean),
    "GlobalMaxPool": _global(torch.amax),
    "GroupNormalization": _group_norm,
    "InstanceNormalization": _instance_norm,
    "LayerNormalization": _layer_norm,
    "Linear": _linear,
    "LinearGelu": _linear_gelu,
    "LpNormalization": _lp_norm,
    "MatMul": lambda _, a, b: torch.matmul(a, b),
    "MaxPool": _max_pool,
    "RMSNormalization": _rms_norm,
}
