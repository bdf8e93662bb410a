"""The tests of backends and operators: on a machine with a GPU they run on it."""

import subprocess
import sys
from typing import Final

from bench.gpu.told import begin

FILES: Final = ("tests/encoders/test_backends.py", "tests/encoders/test_onnx_to_torch.py")
OPENVINO: Final = "tests/encoders/test_backends.py::test_openvino_reports_to_nobody"


def main() -> int:
    """Run them and keep what they say; returns pytest's status."""
    part = begin("tests")
    # Warnings are errors for the versions that are pinned; a machine with a GPU has its own.
    words = [sys.executable, "-m", "pytest", "-q", "-rfEs", "-p", "no:cacheprovider", "-o", "filterwarnings=default"]
    words += ["--deselect", OPENVINO, *(FILES[1:] if part.quick else FILES)]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    (part.out / "tests.txt").write_text(done.stdout)
    print(done.stdout[-5000:])
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
