"""From an encoder's address to its model folder, without the runtime that its towers need."""

from pathlib import Path
from typing import Final

from encoders.backends import split
from encoders.errors import EncoderError
from encoders.folder import CARD, ModelFolder, read_folder
from encoders.hub.address import PREFIX
from encoders.hub.cached import cached_folder

SHIPPED: Final = Path(__file__).parent / "models"
PUBLISHED: Final = ("config.json", "open_clip_config.json")


def find_folder(address: str) -> ModelFolder:
    """Return the checked folder of a shipped model, of a path or of an `hf:` address; raises `EncoderError` for anything else.

    A backend at the address's end is read over.
    """
    address, _ = split(address)
    if address.startswith(PREFIX):
        return read_folder(cached_folder(address))
    shipped = SHIPPED / address
    if address and "/" not in address and shipped.is_dir():
        return read_folder(shipped)
    path = Path(address).expanduser()
    if not address or not path.is_dir():
        raise EncoderError(f"encoder {address!r}: neither a shipped model ({_shipped_names()}) nor a model folder")
    if not (path / CARD).exists() and any((path / name).exists() for name in PUBLISHED):
        raise EncoderError(f"encoder {address!r}: a model as published, not a model folder: give it as hf:{path.absolute()}")
    return read_folder(path)


def _shipped_names() -> str:
    return ", ".join(sorted(path.name for path in SHIPPED.glob("*") if path.is_dir())) or "none in this checkout"
