"""The model folder whose space is indexed: its card is read, its towers and their runtime are not."""

from pathlib import Path
from typing import Final

import encoders
from encoders.errors import EncoderError
from encoders.folder import ModelFolder, read_folder

SHIPPED: Final = Path(encoders.__file__).parent / "models"


def read_model(address: str) -> ModelFolder:
    """Return the checked folder of a shipped model or of a path; raises `EncoderError` for anything else."""
    shipped = SHIPPED / address
    folder = shipped if address and "/" not in address and shipped.is_dir() else Path(address).expanduser()
    if not address or not folder.is_dir():
        raise EncoderError(f"encoder {address!r}: neither a shipped model nor a model folder")
    return read_folder(folder)
