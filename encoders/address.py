"""From an encoder's address to an encoder: what the address names and what the machine allows decide, and nothing falls back."""

from functools import partial
from importlib import import_module
from typing import cast

from encoders.backends import BACKENDS, choose, split
from encoders.encoder import Encoder, Runtime
from encoders.errors import EncoderError
from encoders.lookup import find_folder
from encoders.machine import look
from encoders.pictures import decode_on_callers_threads


def load(address: str, *, threads: int) -> Encoder:
    """Return the encoder at `address`: the name of a shipped model, the path of a model folder, or of the hub, and a backend.

    `threads` is what one call of a tower may use. Raises `EncoderError` for an unknown address, a broken folder, or a backend
    that cannot run here; the towers themselves are loaded at first use.
    """
    decode_on_callers_threads()
    folder = find_folder(address)
    runtime = load_runtime(backend_of(address))
    return Encoder(folder, partial(runtime.open_tower, threads=threads), runtime.describe(threads))


def backend_of(address: str) -> str:
    """Return the backend that `load` takes for `address` on this machine; raises `EncoderError` where it cannot run."""
    return choose(split(address)[1], look())


def load_runtime(name: str) -> Runtime:
    """Return the module of a backend; raises `EncoderError` where what it stands on is broken."""
    try:
        return cast("Runtime", import_module(BACKENDS[name].module))
    except (ImportError, OSError) as error:
        raise EncoderError(f"backend {name!r} cannot run here: {error}") from None
