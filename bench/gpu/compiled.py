"""S5 with torch.compile: what a compiler that fuses element-wise work into fewer kernels makes of the same tower."""

import time
from typing import Final

from bench.gpu.clock import matmul_flops
from bench.gpu.engines import compiled
from bench.gpu.told import begin
from bench.gpu.utilisation import COLUMNS, MATRIX_SIDE, release, rows_of
from bench.vit import SO400M_384, VIT_B_16

COUNTS: Final = (64,)


def main() -> None:
    """Measure ViT-B/16 and SO400M at 384 px, each at one batch size: another is another compilation."""
    part = begin("compiled")
    peak = matmul_flops(512 if part.quick else MATRIX_SIDE, 0.0 if part.quick else 0.3)
    for sizes in (part.sizes(VIT_B_16), part.sizes(SO400M_384)):
        began = time.perf_counter()
        rows = rows_of(part, "torch.compile, bf16", sizes, compiled(sizes), COUNTS, peak)
        title = f"{sizes.name}, torch.compile block by block, {time.perf_counter() - began:.0f} s with the compilation"
        part.tell(sizes.name, title, COLUMNS, rows)
        release()


if __name__ == "__main__":
    main()
