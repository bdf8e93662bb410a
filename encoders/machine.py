"""What this machine has, seen without importing a runtime: importing torch costs seconds and hundreds of megabytes."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from encoders.backends import BACKENDS, Machine

DEVICES: Final = Path("/dev")
CPU: Final = Path("/proc/cpuinfo")
PROCESS: Final = Path("/proc/self/status")
BF16_FLAGS: Final = frozenset({"avx512_bf16", "amx_bf16"})


def look() -> Machine:
    """Return what backends can count on here."""
    wanted = {package for backend in BACKENDS.values() for package in backend.packages}
    packages = frozenset(package for package in wanted if find_spec(package))
    return Machine(packages, gpu=_has_gpu(), cuda_torch="torch" in packages and _torch_knows_cuda())


def cpu_has_bf16() -> bool:
    """Return whether this CPU multiplies bfloat16 in hardware."""
    return CPU.exists() and not BF16_FLAGS.isdisjoint(CPU.read_text().split())


def peak_memory_bytes() -> int | None:
    """Return the most memory that this process has held, None where the system does not say."""
    if not PROCESS.exists():
        return None
    lines = PROCESS.read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def _has_gpu() -> bool:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return visible not in ("", "-1") and any(DEVICES.glob("nvidia[0-9]*"))


def _torch_knows_cuda() -> bool:
    spec = find_spec("torch")
    folders = (spec.submodule_search_locations or []) if spec else []
    return any(next(Path(folder).glob("lib/*torch_cuda.*"), None) for folder in folders)
