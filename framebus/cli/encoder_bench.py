"""`framebus encoder bench`: every backend that can run here, each in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
import typer
from rich import box
from rich.table import Table

from encoders.backends import MARK, runnable, split
from encoders.bench import Measurement
from encoders.check import Speed
from encoders.errors import EncoderError
from encoders.lookup import find_folder
from encoders.machine import look
from framebus.cli.failure import FAILED, Failure
from framebus.cli.screen import complain, console, print_json

BATCH_SIZES: Final = (1, 8, 32, 64)
MB: Final = 1e6


def bench_command(
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="An encoder; with a backend at its end, as in pico-1#onnx, that one alone.")
    ],
    threads: Annotated[int, typer.Option("--threads", metavar="N", min=1, help="Threads of one call.")] = os.cpu_count() or 1,
    seconds: Annotated[float, typer.Option("--seconds", metavar="S", min=0, help="Time for each batch size and tower.")] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> int:
    """Measure images and texts a second, and memory, in every backend that can run here.

    Each backend has a process of its own, one after the other. Needs no running stack.
    """
    try:
        find_folder(address)
        model, named = split(address)
    except EncoderError as error:
        raise Failure("framebus encoder bench", str(error), f"`framebus encoder check {address}` looks at it closely") from None
    backends = (named,) if named else runnable(look())
    measured, failed = [], False
    for backend in backends:
        result = _measure(f"{model}{MARK}{backend}", threads, seconds)
        if isinstance(result, Measurement):
            measured.append(result)
        else:
            failed = True
            complain(f"{backend}: {result}")
    if as_json:
        print_json(measured)
    elif measured:
        screen = console()
        for one in measured:
            screen.print(f"{one.backend}: {one.runs_on}")
        screen.print(bench_table(measured))
    return FAILED if failed else 0


def bench_table(measured: Sequence[Measurement]) -> Table:
    """Return one column a backend: images and texts a second by batch size, time to load, memory."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for one in measured:
        table.add_column(one.backend, justify="right", no_wrap=True)
    for what, rows in (("images", [one.images for one in measured]), ("texts", [one.texts or () for one in measured])):
        for row in zip(*rows, strict=True):
            table.add_row(f"{what} a second, batch {row[0].batch_size}", *(_rate(speed) for speed in row))
    table.add_row("seconds to load", *(f"{one.load_seconds:.1f}" for one in measured))
    table.add_row("memory", *(_megabytes(one.memory_bytes) for one in measured))
    if any(one.device_memory_bytes for one in measured):
        table.add_row("memory of the GPU", *(_megabytes(one.device_memory_bytes) for one in measured))
    return table


def _measure(address: str, threads: int, seconds: float) -> Measurement | str:
    """Return what a process of its own has measured, or the reason that it gave."""
    batches = [word for size in BATCH_SIZES for word in ("--batch", str(size))]
    words = [sys.executable, "-m", "encoders.bench", address, "--threads", str(threads), "--seconds", str(seconds), *batches]
    done = subprocess.run(words, capture_output=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"its process ended with status {done.returncode}"
    return msgspec.json.decode(done.stdout, type=Measurement)


def _rate(speed: Speed) -> str:
    return f"{speed.per_second:,.0f}" if speed.per_second >= 100 else f"{speed.per_second:.1f}"


def _megabytes(size_bytes: int | None) -> str:
    return "" if size_bytes is None else f"{size_bytes / MB:,.0f} MB"
