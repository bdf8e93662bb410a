"""How much memory this process has taken at most."""

from pathlib import Path


def peak_kib() -> int:
    """Return the peak of the resident memory; not `ru_maxrss`, which begins with that of the process that started this one."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1])
