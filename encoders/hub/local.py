"""A downloaded model in a folder: the hub's own layout, or what `save_pretrained` wrote."""

import re
from hashlib import sha256
from pathlib import Path
from typing import Final

from encoders.errors import EncoderError
from encoders.hub.files import SMALL, Checkpoint, check_files, layout_of, weight_names

COMMIT_LETTERS: Final = 40
_HUB_COPY: Final = re.compile(r"models--(?P<organisation>[^/]+)--(?P<name>[^/]+)")


def read_local(folder: Path) -> Checkpoint:
    """Return the checked files of a folder; raises `EncoderError`. Links may point into its repository's copy alone."""
    if not folder.is_dir():
        raise EncoderError(f"{folder}: no such folder")
    folder = folder.resolve()
    layout, config = layout_of(folder)
    names = {path.name for path in folder.iterdir()}
    root = folder.parent.parent if folder.parent.name == "snapshots" else folder
    weights = check_files(folder, root, weight_names(folder, layout, names))
    return Checkpoint(folder, name_of(folder), f"the folder {folder.name}", layout, config, weights)


def name_of(folder: Path) -> str:
    """Return the name of the model in `folder`: org/name in the hub's own layout, else the folder's own."""
    copy = _HUB_COPY.fullmatch(folder.parent.parent.name) if folder.parent.name == "snapshots" else None
    if copy:
        return f"{copy['organisation']}/{copy['name']}"
    return re.sub(r"[^A-Za-z0-9_.-]", "-", folder.name).strip("-.") or "model"


def state_of(folder: Path) -> str:
    """Return 40 hex digits that change when a file of the folder does: its commit in the hub's own layout, else from the files.

    Files are told apart by name, size and time of change: weights are not read for this.
    """
    folder = folder.resolve()
    if folder.parent.name == "snapshots":
        return folder.name
    digest = sha256(str(folder).encode())
    for path in sorted(folder.iterdir()):
        if path.name in SMALL or path.suffix == ".safetensors":
            status = path.stat()
            digest.update(f"{path.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:COMMIT_LETTERS]
