"""What the layers of a tower take alone: which way torch has to run each is the faster one, and where the time goes."""

from collections.abc import Callable, Iterator
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from bench.gpu.clock import DEVICE, median_seconds
from bench.gpu.told import begin
from bench.vit import SO400M_384, VIT_B_16, Sizes

COUNT: Final = 64
ATTENTION: Final = (SDPBackend.FLASH_ATTENTION, SDPBackend.CUDNN_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH)


def main() -> None:
    """Print microseconds of each layer for a batch of 64, and of each way to run it."""
    part = begin("kernels")
    for whole in (VIT_B_16, SO400M_384):
        sizes, rows = part.sizes(whole), []
        for name, run in (*_layers(sizes, 2 if part.quick else COUNT), *_attention(sizes, 2 if part.quick else COUNT)):
            try:
                with torch.inference_mode():
                    told = f"{1e6 * median_seconds(run, 0.0 if part.quick else 0.05):.0f}"
            except RuntimeError as error:
                told = " ".join(str(error).split())[:80]
            rows.append([name, told])
        part.tell(sizes.name, f"{sizes.name}, batch {COUNT}: one layer", ("layer", "µs"), rows)


def _layers(sizes: Sizes, count: int) -> Iterator[tuple[str, Callable[[], object]]]:
    width, hidden = sizes.width, sizes.hidden
    x, wide = _random(count, sizes.tokens, width), _random(count, sizes.tokens, hidden)
    square, thrice, up, down = (_random(a, b) for a, b in ((width, width), (width, 3 * width), (width, hidden), (hidden, width)))
    turned = up.t().contiguous()
    bias, biases, upper = _random(width), _random(3 * width), _random(hidden)
    yield "linear, width → width", lambda: functional.linear(x, square.t(), bias)
    yield "linear, width → 3 width", lambda: functional.linear(x, thrice.t(), biases)
    yield "linear, width → hidden, weights [in, out] as ONNX has them", lambda: functional.linear(x, up.t(), upper)
    yield "linear, width → hidden, weights [out, in] as torch has them", lambda: functional.linear(x, turned, upper)
    yield "linear, hidden → width", lambda: functional.linear(wide, down.t(), bias)
    yield "gelu by tanh of hidden", lambda: functional.gelu(wide, approximate="tanh")
    yield "linear, width → hidden, with gelu by tanh in one", lambda: _with_gelu(x, up, upper)
    yield "layer norm", lambda: functional.layer_norm(x, (width,), bias, bias)
    yield "sum of two", lambda: x + x


def _with_gelu(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return torch._addmm_activation(bias, x.view(-1, x.shape[-1]), weight, use_gelu=True)  # noqa: SLF001  it has no other name


def _attention(sizes: Sizes, count: int) -> Iterator[tuple[str, Callable[[], object]]]:
    q, k, v = (_random(count, sizes.tokens, sizes.heads, sizes.width // sizes.heads).transpose(1, 2) for _ in range(3))
    yield "attention as torch chooses", lambda: functional.scaled_dot_product_attention(q, k, v)
    for backend in ATTENTION:
        yield f"attention, {backend.name}", lambda backend=backend: _attend(backend, q, k, v)  # type: ignore[misc]


def _attend(backend: SDPBackend, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    with sdpa_kernel(backend):
        return functional.scaled_dot_product_attention(q, k, v)


def _random(*shape: int) -> Tensor:
    return torch.randn(shape, device=DEVICE).to(torch.bfloat16)


if __name__ == "__main__":
    main()
