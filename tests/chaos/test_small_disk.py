"""A small disk that is filled and emptied, where the system allows one."""

import subprocess
import sys

import pytest

PROGRAM = """
import os, sys, tempfile
from pathlib import Path
from tests.chaos.small_disk import MEGABYTES, Disk
folder = Path(tempfile.mkdtemp())
disk = Disk(folder)
def fits():
    try:
        (folder / "file").write_bytes(b"x")
    except OSError:
        return False
    finally:
        (folder / "file").unlink(missing_ok=True)
    return True
before = fits()
disk.fill()
full = fits()
disk.clear()
print(before, full, fits())
disk.close()
folder.rmdir()
"""


def test_a_full_disk_refuses_and_a_cleared_one_does_not() -> None:
    inside = ("unshare", "--user", "--map-root-user", "--mount")
    try:
        subprocess.run([*inside, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"the system refuses namespaces: {error}")
    done = subprocess.run([*inside, sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["True", "False", "True"], done.stderr
