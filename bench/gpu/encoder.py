"""`framebus encoder check` and `bench` of the shipped encoder and of a large one, as a user runs them."""

import subprocess
import sys
from typing import Final

from bench.gpu.told import Part, begin
from bench.vit import VIT_B_32

SECONDS: Final = "0.25"


def main() -> int:
    """Run the commands and keep what they say; returns 1 when one of them failed."""
    part = begin("encoder")
    seconds = "0" if part.quick else SECONDS
    addresses = ("pico-1", str(part.folder(part.sizes(VIT_B_32))))
    asked: list[tuple[str, ...]] = [("check", f"{address}#torch", "--against", "onnx", "--seconds", "0") for address in addresses]
    asked += [("bench", f"{address}#{backend}", "--seconds", seconds) for address in addresses for backend in ("torch", "onnx")]
    return max([_run(part, *words) for words in asked])


def _run(part: Part, *words: str) -> int:
    done = subprocess.run(
        [sys.executable, "-m", "framebus", "encoder", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    told = f"$ framebus encoder {' '.join(words)}\n{done.stdout}\n"
    print(told, flush=True)
    with (part.out / "encoder.txt").open("a") as file:
        file.write(told)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
