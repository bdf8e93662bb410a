"""How fast one encoder is in one backend, and what memory it takes, in a process of its own: `python -m encoders.bench`."""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from encoders.address import backend_of, load, load_runtime
from encoders.check import Speed, speeds
from encoders.errors import EncoderError
from encoders.machine import peak_memory_bytes


@dataclass(frozen=True)
class Measurement:
    """One backend. `load_seconds` is from the address to the first vectors; the memory is the most that was held."""

    backend: str
    runs_on: str
    load_seconds: float
    images: tuple[Speed, ...]
    texts: tuple[Speed, ...] | None
    memory_bytes: int | None
    device_memory_bytes: int | None


def measure(address: str, threads: int, batch_sizes: Sequence[int], seconds: float) -> Measurement:
    """Measure the encoder at `address`, about `seconds` for each batch size and tower; raises `EncoderError`."""
    began = time.perf_counter()
    encoder = load(address, threads=threads)
    encoder.warm(texts=True)
    load_seconds = time.perf_counter() - began
    images, texts = speeds(encoder, batch_sizes, seconds)
    backend = backend_of(address)
    return Measurement(
        backend=backend,
        runs_on=encoder.backend,
        load_seconds=load_seconds,
        images=images,
        texts=texts,
        memory_bytes=peak_memory_bytes(),
        device_memory_bytes=load_runtime(backend).device_memory_bytes(),
    )


def main(words: Sequence[str]) -> int:
    """Measure what `words` ask for and print it as JSON; a reason on stderr and 1 where that cannot be."""
    parser = argparse.ArgumentParser(prog="python -m encoders.bench", description=__doc__)
    parser.add_argument("address")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--batch", type=int, action="append", required=True)
    asked = parser.parse_args(words)
    try:
        measured = measure(asked.address, asked.threads, asked.batch, asked.seconds)
    except EncoderError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.buffer.write(msgspec.json.encode(measured))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
