"""`python -m bench.gpu --out DIR`: parts in processes of their own: one that fails or hangs costs the others nothing."""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

PARTS: Final = {
    "tests": "tests of backends and operators, whose GPU parts run here",
    "utilisation": "S5: FLOP utilisation by batch size, plain eager torch beside our CUDA graphs",
    "kernels": "what layers of such a tower take alone, in each way that torch has",
    "path": "S4 without the bus: the embedder's stage from JPEGs to vectors beside the model alone; latency of a text query",
    "encoder": "`framebus encoder check` and `bench`",
    "compiled": "S5 with torch.compile, block by block",
}
PART_SECONDS: Final = 90.0


def main() -> int:
    """Run the parts and gather their tables in DIR/gpu.md; returns 1 when one of them failed."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.gpu", description=__doc__, epilog="; ".join(f"{part}: {what}" for part, what in PARTS.items())
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for gpu.md and a JSON file of each part")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="tiny models, moments only: whether it runs at all, on a CPU too")
    wanted = parser.parse_args()
    wanted.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="framebus-gpu-") as models:
        done = [_run(part, wanted.out, Path(models), quick=wanted.quick) for part in wanted.only]
    return 0 if all(done) else 1


def _run(part: str, out: Path, models: Path, *, quick: bool) -> bool:
    began = time.perf_counter()
    print(f"--- {part}: {PARTS[part]}", flush=True)
    words = [sys.executable, "-m", f"bench.gpu.{part}", str(out), str(models), *(["--quick"] if quick else [])]
    try:
        status: int | str = subprocess.run(words, check=False, timeout=PART_SECONDS).returncode
    except subprocess.TimeoutExpired:
        status = f"broken off after {PART_SECONDS:g} s"
    print(f"--- {part}: {time.perf_counter() - began:.1f} s, status {status}\n", flush=True)
    return status == 0


if __name__ == "__main__":
    sys.exit(main())
