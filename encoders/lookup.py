"""From an encoder's address to its model folder, without the runtime that its towers need."""

from pathlib import Path
from typing import Final

from encoders.errors import EncoderError
from encoders.folder import ModelFolder, read_folder

SHIPPED: Final = Path(__file__).parent / "models"


def find_folder(address: str) -> ModelFolder:
    """Return the checked folder of a shipped model or of a path; raises `EncoderError` for anything else."""
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
