"""The model folder of an `hf:` address, without torch where it was exported before; else exported now, where that can be done."""

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from encoders.errors import EncoderError
from encoders.hub.address import Repository, parse
from encoders.hub.cache import ModelCache, models_folder
from encoders.hub.local import name_of, state_of

NEEDED: Final = ("torch", "transformers", "huggingface_hub", "onnxscript", "safetensors", "sentencepiece")
THREADS: Final = 4


def cached_folder(address: str) -> Path:
    """Return the exported folder of `address`; exports it now, with lines on standard error, where it is not there yet.

    Raises `EncoderError` for what is no `hf:` address, cannot be exported, or needs the `export` extra, which is not installed.
    """
    source, cache = parse(address), ModelCache(models_folder())
    found = cache.find(source) if isinstance(source, Repository) else _find_local(source, cache)
    if found is not None:
        return found
    _say(f"{address} is not in {models_folder()} yet: exporting it now, which may take minutes")
    return Path(exporter(address).export_to_cache(source, cache, _say, threads=THREADS).folder)


def exporter(address: str) -> Any:
    """Return the module that exports, or raise `EncoderError` that says how to get what it needs."""
    if absent := [name for name in NEEDED if find_spec(name) is None]:
        raise EncoderError(
            f"encoder {address!r}: not exported yet, and exporting needs {', '.join(absent)}: run `framebus encoder export "
            f"{address}` where framebus[export] is installed, with this FRAMEBUS_MODELS or with --out DIR, and then name that DIR"
        )
    return import_module("encoders.hub.export")


def _find_local(folder: Path, cache: ModelCache) -> Path | None:
    if not folder.is_dir():
        raise EncoderError(f"encoder 'hf:{folder}': no such folder")
    name = name_of(folder.resolve())
    return cache.folder(name if "/" in name else f"local/{name}", state_of(folder))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
