"""`framebus encoder export`."""

import os
import time
from pathlib import Path
from typing import Annotated, Final

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from encoders.errors import EncoderError
from encoders.folder import ModelFolder, read_folder
from encoders.hub.address import PREFIX, parse
from encoders.hub.cache import ModelCache, models_folder
from encoders.hub.cached import exporter
from framebus.cli.failure import Failure, bad_usage
from framebus.cli.screen import console

REMEDY: Final = "docs/encoders.md says what can be exported, and what to do about each message"


def export_command(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="hf:org/name[@revision], or a downloaded model's folder.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where the model folder goes; else where hf: addresses are kept.")
    ] = None,
    threads: Annotated[int, typer.Option("--threads", metavar="N", min=1, help="Threads of one call.")] = os.cpu_count() or 1,
) -> int:
    """Make a model folder of a published model: SigLIP, SigLIP 2, CLIP or OpenCLIP.

    Fetches its safetensors from the hub, or takes a downloaded copy; writes both towers as ONNX; compares them with
    transformers' own output, and keeps nothing that differs. Done once: every later start loads the folder alone.

    Needs the `export` extra, minutes, and disk for twice the weights. No code of the repository is ever run.
    """
    call = f"framebus encoder export {address}"
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise bad_usage(call, f"--out {out}: exists already", "name a folder that is not there yet")
    began = time.monotonic()
    screen = console()
    try:
        folder, shown = _export(address, out, threads, screen)
    except EncoderError as error:
        raise Failure(call, str(error), REMEDY) from None
    screen.print(_table(folder, time.monotonic() - began))
    screen.print(f"use it:      FRAMEBUS_ENCODER={shown}, or framebus up --encoder {shown}")
    screen.print(f"look at it:  framebus encoder check {shown}")
    return 0


def _export(address: str, out: Path | None, threads: int, screen: Console) -> tuple[ModelFolder, str]:
    """Return the folder that was made or found, and the address that it is used by from now on."""
    if not address.startswith(PREFIX) and Path(address).expanduser().is_dir():
        address = f"{PREFIX}{Path(address).expanduser().absolute()}"
    if not address.startswith(PREFIX):
        raise EncoderError("expected hf:organisation/name[@revision], or the folder of a downloaded model")
    source, export = parse(address), exporter(address)
    if out is not None:
        return read_folder(
            export.export_to_folder(source, out.expanduser().absolute(), screen.print, threads=threads).folder
        ), str(out)
    exported = export.export_to_cache(source, ModelCache(models_folder()), screen.print, threads=threads)
    if exported.agreement is None:
        screen.print("exported before: nothing to do")
    return read_folder(exported.folder), address


def _table(folder: ModelFolder, seconds: float) -> Table:
    size = sum(path.stat().st_size for path in folder.path.iterdir())
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_header=False)
    table.add_row("space", folder.space)
    table.add_row("pictures", "x".join(map(str, folder.card.image_size)))
    table.add_row("dimension", str(folder.card.dimension))
    table.add_row("licence", folder.card.licence)
    table.add_row("folder", str(folder.path))
    table.add_row("size", f"{size / 1e6:,.1f} MB")
    table.add_row("time", f"{seconds:.0f} s")
    return table
