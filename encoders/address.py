"""From an encoder's address to an encoder: what the address names and what the machine allows decide, and nothing falls back."""

from functools import partial
from pathlib import Path
from typing import Final

from encoders import onnx_runtime
from encoders.encoder import Encoder
from encoders.errors import EncoderError
from encoders.folder import ModelFolder, read_folder
from encoders.pictures import decode_on_callers_threads

SHIPPED: Final = Path(__file__).parent / "models"


def load(address: str, *, threads: int) -> Encoder:
    """Return the encoder at `address`: the name of a shipped model, or the path of a model folder.

    `threads` is what one call of a tower may use. Raises `EncoderError` for an unknown address or a broken folder; the towers
    themselves are loaded at first use.
    """
    decode_on_callers_threads()
    open_tower = partial(onnx_runtime.open_tower, threads=threads)
    return Encoder(find_folder(address), open_tower, onnx_runtime.describe(threads))


def find_folder(address: str) -> ModelFolder:
    """Return the checked model folder that an address names."""
    if address.startswith("hf:"):
        raise EncoderError(f"encoder {address!r}: not available yet; export it to a model folder and give the folder's path")
    shipped = SHIPPED / address
    if address and "/" not in address and shipped.is_dir():
        return read_folder(shipped)
    path = Path(address).expanduser()
    if not address or not path.is_dir():
        raise EncoderError(f"encoder {address!r}: neither a shipped model ({_shipped_names()}) nor a model folder")
    return read_folder(path)


def _shipped_names() -> str:
    return ", ".join(sorted(path.name for path in SHIPPED.glob("*") if path.is_dir())) or "none in this checkout"
