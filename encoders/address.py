"""From an encoder's address to an encoder: what the address names and what the machine allows decide, and nothing falls back."""

from functools import partial

from encoders import onnx_runtime
from encoders.encoder import Encoder
from encoders.lookup import find_folder
from encoders.pictures import decode_on_callers_threads


def load(address: str, *, threads: int) -> Encoder:
    """Return the encoder at `address`: the name of a shipped model, or the path of a model folder.

    `threads` is what one call of a tower may use. Raises `EncoderError` for an unknown address or a broken folder; the towers
    themselves are loaded at first use.
    """
    decode_on_callers_threads()
    open_tower = partial(onnx_runtime.open_tower, threads=threads)
    return Encoder(find_folder(address), open_tower, onnx_runtime.describe(threads))
