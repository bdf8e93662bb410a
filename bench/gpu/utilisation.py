"""S5: which share of the GPU's matrix arithmetic a tower uses, by batch size: plain eager torch beside our CUDA graphs."""

import gc
import time
from collections.abc import Callable
from typing import Final

import torch

from bench.gpu.clock import dense_flops, device_name, matmul_flops, median_seconds
from bench.gpu.engines import Engine, eager, ours
from bench.gpu.told import Part, begin
from bench.vit import SO400M_384, VIT_B_16, Sizes

COUNTS: Final = (1, 8, 32, 64, 128, 256)
MATRIX_SIDE: Final = 8192
COLUMNS: Final = ("engine", "batch", "ms", "images/s", "TFLOP/s", "of the data sheet", "of the product beside it", "MB reserved")


def main() -> None:
    """Measure ViT-B/16 and SO400M at 384 px."""
    part = begin("utilisation")
    peak = matmul_flops(512 if part.quick else MATRIX_SIDE, 0.0 if part.quick else 0.3)
    dense = dense_flops()
    rows = [["bf16 product", f"{peak / 1e12:.0f}"], ["data sheet, dense bf16", f"{dense / 1e12:.0f}" if dense else "unknown"]]
    part.tell("peak", f"{device_name()}, torch {torch.__version__}", ("peak", "TFLOP/s"), rows)
    for sizes in (VIT_B_16, SO400M_384):
        _measure(part, part.sizes(sizes), peak)


def _measure(part: Part, sizes: Sizes, peak: float) -> None:
    began = time.perf_counter()
    folder = part.folder(sizes)
    print(f"{folder.name}: written in {time.perf_counter() - began:.1f} s", flush=True)
    ways: tuple[tuple[str, Callable[[], Engine]], ...] = (
        ("eager torch, bf16", lambda: eager(sizes)),
        ("#torch, CUDA graphs, bf16", lambda: ours(folder, sizes)),
    )
    rows: list[list[object]] = []
    for name, opened in ways:
        began = time.perf_counter()
        engine = opened()
        print(f"{name}: opened in {time.perf_counter() - began:.1f} s", flush=True)
        rows += rows_of(part, name, sizes, engine, COUNTS, peak)
        del engine
        release()
    part.tell(sizes.name, f"{sizes.name}, {sizes.flops_per_image / 1e9:.1f} GFLOP a picture", COLUMNS, rows)


def rows_of(part: Part, name: str, sizes: Sizes, engine: Engine, counts: tuple[int, ...], peak: float) -> list[list[object]]:
    """Return a row of the table for each batch size."""
    dense = dense_flops()
    rows: list[list[object]] = []
    for count in (2,) if part.quick else counts:
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        seconds = median_seconds(engine(count), 0.0 if part.quick else 0.3)
        flops = sizes.flops_per_image * count / seconds
        shares = [f"{100 * flops / one:.1f} %" if one else "" for one in (dense, peak)]
        rows.append(
            [name, count, f"{1000 * seconds:.3f}", f"{count / seconds:,.0f}", f"{flops / 1e12:.1f}", *shares, _reserved_mb()]
        )
    return rows


def _reserved_mb() -> str:
    return f"{torch.cuda.max_memory_reserved() / 1e6:,.0f}" if torch.cuda.is_available() else ""


def release() -> None:
    """Let go of what the last engine held on the device."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
