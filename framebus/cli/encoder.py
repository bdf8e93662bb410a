"""`framebus encoder`."""

import os
from collections.abc import Iterator, Sequence
from typing import Annotated, Final

import typer
from rich import box
from rich.table import Table

from encoders.address import backend_of, load
from encoders.backends import MARK, runnable, split
from encoders.check import Agreement, Report, check, compare
from encoders.errors import EncoderError
from encoders.machine import look
from framebus.cli.application import application
from framebus.cli.encoder_bench import bench_command
from framebus.cli.encoder_export import export_command
from framebus.cli.failure import FAILED, Failure
from framebus.cli.screen import complain, console

LENGTH_TOLERANCE: Final = 1e-3
MB: Final = 1e6

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="A shipped model (pico-1), a model folder, or hf:org/name.")]

app = application("Encoders: the models that turn pictures and texts into vectors.")


@app.command("check")
def check_command(
    address: Address,
    against: Annotated[
        list[str] | None,
        typer.Option(
            "--against", metavar="BACKEND", help="Hold it against this backend; may be repeated. Default: all that run here."
        ),
    ] = None,
    threads: Annotated[int, typer.Option("--threads", metavar="N", min=1, help="Threads of one call.")] = os.cpu_count() or 1,
    seconds: Annotated[float, typer.Option("--seconds", metavar="S", min=0, help="Time for each batch size and tower.")] = 1.0,
) -> int:
    """Check an encoder before it is used.

    Looks at its files, shapes, unit lengths, the agreement of batches and of backends, its speed and its memory.

    ADDRESS may end in a backend: pico-1#onnx, pico-1#torch, pico-1#tensorrt, pico-1#openvino.

    Needs no running stack. Exits with 1 and the reason when the encoder cannot be used.
    """
    try:
        encoder = load(address, threads=threads)
        report = check(encoder, seconds=seconds)
        others = against if against is not None else [name for name in runnable(look()) if name != backend_of(address)]
        agreements = [compare(encoder, load(f"{split(address)[0]}{MARK}{name}", threads=threads)) for name in others]
    except EncoderError as error:
        raise Failure(
            "framebus encoder check", str(error), "a model folder holds encoder.json, image.onnx and, for texts, text.onnx"
        ) from None
    screen = console()
    screen.print(report_table(report, agreements))
    faults = list(faults_of(report, agreements))
    for fault in faults:
        complain(f"{report.space}: {fault}")
    screen.print("not usable" if faults else "usable", style="bold red" if faults else "bold green")
    return FAILED if faults else 0


app.command("bench")(bench_command)
app.command("export")(export_command)


def faults_of(report: Report, agreements: Sequence[Agreement] = ()) -> Iterator[str]:
    """Yield what makes an encoder unusable."""
    if report.length_error > LENGTH_TOLERANCE:
        yield f"vectors are not of unit length (off by {report.length_error:.2g})"
    for tower, agreement in (("image", report.image_agreement), ("text", report.text_agreement)):
        if agreement is not None and agreement < report.agreement_at_least:
            yield f"the {tower} tower answers differently in a batch (cosine {agreement:.6f})"
    for other in agreements:
        for tower, cosines in (("image", other.images), ("text", other.texts)):
            if cosines is not None and cosines.least < other.at_least:
                wanted = f"cosine {cosines.least:.6f}, at least {other.at_least} expected"
                yield f"the {tower} tower differs from that in {other.backend} ({wanted})"


def report_table(report: Report, agreements: Sequence[Agreement] = ()) -> Table:
    """Return what was seen, one line each."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_header=False)
    table.add_row("space", report.space)
    table.add_row("backend", report.backend)
    table.add_row("dimension", str(report.dimension))
    table.add_row("texts", "no text tower: answers pictures only" if report.texts is None else "yes")
    for what, speeds in (("images", report.images), ("texts", report.texts or ())):
        for speed in speeds:
            table.add_row(f"{what} a second, batch {speed.batch_size}", f"{speed.per_second:,.0f}")
    if report.memory_bytes is not None:
        table.add_row("memory", f"{report.memory_bytes / MB:,.0f} MB")
    for other in agreements:
        for what, cosines in (("images", other.images), ("texts", other.texts)):
            if cosines is not None:
                table.add_row(f"{what}, against {other.backend}", f"cosine {cosines.least:.6f} at least, {cosines.mean:.6f} mean")
    return table
