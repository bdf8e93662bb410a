"""`framebus encoder`."""

import os
from collections.abc import Iterator
from typing import Annotated, Final

import typer
from rich import box
from rich.table import Table

from encoders.address import load
from encoders.check import Report, check
from encoders.errors import EncoderError
from framebus.cli.application import application
from framebus.cli.encoder_export import export_command
from framebus.cli.failure import FAILED, Failure, not_yet
from framebus.cli.screen import complain, console

LENGTH_TOLERANCE: Final = 1e-3
AGREEMENT_AT_LEAST: Final = 0.9999

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="A shipped model (pico-1), a model folder, or hf:org/name.")]

app = application("Encoders: the models that turn pictures and texts into vectors.")


@app.command("check")
def check_command(
    address: Address,
    threads: Annotated[int, typer.Option("--threads", metavar="N", min=1, help="Threads of one call.")] = os.cpu_count() or 1,
) -> int:
    """Check an encoder before it is used.

    Looks at its files, shapes, unit lengths, the agreement of batches, and its speed.

    Needs no running stack. Exits with 1 and the reason when the encoder cannot be used.
    """
    try:
        report = check(load(address, threads=threads))
    except EncoderError as error:
        raise Failure(
            "framebus encoder check", str(error), "a model folder holds encoder.json, image.onnx and, for texts, text.onnx"
        ) from None
    screen = console()
    screen.print(report_table(report))
    faults = list(faults_of(report))
    for fault in faults:
        complain(f"{report.space}: {fault}")
    screen.print("not usable" if faults else "usable", style="bold red" if faults else "bold green")
    return FAILED if faults else 0


@app.command("bench")
def bench_command(address: Address) -> None:
    """Measure its speed on every backend (not available yet)."""
    raise not_yet(f"framebus encoder bench {address}", "`framebus encoder check` prints images and texts a second")


app.command("export")(export_command)


def faults_of(report: Report) -> Iterator[str]:
    """Yield what makes an encoder unusable."""
    if report.length_error > LENGTH_TOLERANCE:
        yield f"vectors are not of unit length (off by {report.length_error:.2g})"
    for tower, agreement in (("image", report.image_agreement), ("text", report.text_agreement)):
        if agreement is not None and agreement < AGREEMENT_AT_LEAST:
            yield f"the {tower} tower answers differently in a batch (cosine {agreement:.6f})"


def report_table(report: Report) -> Table:
    """Return what was seen, one line each."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_header=False)
    table.add_row("space", report.space)
    table.add_row("backend", report.backend)
    table.add_row("dimension", str(report.dimension))
    table.add_row("texts", "no text tower: answers pictures only" if report.texts is None else "yes")
    for what, speeds in (("images", report.images), ("texts", report.texts or ())):
        for speed in speeds:
            table.add_row(f"{what} a second, batch {speed.batch_size}", f"{speed.per_second:,.0f}")
    return table
