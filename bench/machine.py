"""The machine that a measurement stands on, and what it was made with, for people."""

import os
import platform
import subprocess
from importlib.metadata import version

import psutil


def machine() -> str:
    """Return what the machine is, as far as a figure depends on it."""
    memory_gib = psutil.virtual_memory().total / 2**30
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores, {memory_gib:.0f} GiB, {system}"


def versions() -> str:
    """Return the commit that is checked out, and the versions of the packages that matter most."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    packages = ", ".join(f"{name} {version(name)}" for name in ("confluent-kafka", "onnxruntime", "av", "pymilvus"))
    return f"framebus {commit}, {packages}"
