"""encoder.json and LICENSE of an exported model: what the repository says of itself, and where it came from."""

import json
import re
from pathlib import Path
from typing import Any, Final

from encoders.folder import CARD
from encoders.hub.files import LICENCES, README, Checkpoint
from encoders.hub.model import DualEncoder
from encoders.hub.pixels import Normalisation
from encoders.hub.tokens import TextSide
from encoders.hub.verify import Agreement

LONGEST_NAME: Final = 80
_FRONT_MATTER: Final = re.compile(r"\A---\s*\n(.*?)\n---\s*$", re.DOTALL | re.MULTILINE)
_FIELD: Final = re.compile(r"^(license|license_name|license_link):[ \t]*(\S.*?)[ \t]*$", re.MULTILINE)


def write_card(
    folder: Path, checkpoint: Checkpoint, encoder: DualEncoder, normalisation: Normalisation, text: TextSide, dimension: int
) -> None:
    """Write `encoder.json` into `folder`."""
    card = {
        "name": checkpoint.name[-LONGEST_NAME:].lstrip("-./_"),
        "dimension": dimension,
        "image_size": list(encoder.image_size),
        "resize": normalisation.resize,
        "text_tokens": encoder.text_tokens,
        "pad_id": text.pad_id,
        "prompts": list(encoder.family.prompts),
        "licence": licence_of(checkpoint),
        "source": checkpoint.origin,
    }
    (folder / CARD).write_text(json.dumps(card, indent=2) + "\n")


def note_agreement(folder: Path, agreement: Agreement, versions: dict[str, str]) -> None:
    """Add to `encoder.json` with what it was exported, and how well it agrees with transformers."""
    card: dict[str, Any] = json.loads((folder / CARD).read_text())
    card["exported"] = {**versions, "image_cosine": round(agreement.image, 7), "text_cosine": round(agreement.text, 7)}
    (folder / CARD).write_text(json.dumps(card, indent=2) + "\n")


def write_licence(folder: Path, checkpoint: Checkpoint) -> None:
    """Write `LICENSE`: the repository's own file where there is one."""
    for name in LICENCES:
        if checkpoint.path(name).is_file():
            (folder / "LICENSE").write_bytes(checkpoint.path(name).read_bytes())
            return
    (folder / "LICENSE").write_text(
        f"Weights from {checkpoint.origin}.\nTerms as its owner states them: {licence_of(checkpoint)}\n"
    )


def licence_of(checkpoint: Checkpoint) -> str:
    """Return the terms that the repository's README states in its front matter."""
    readme = checkpoint.path(README)
    text = readme.read_text(errors="replace") if readme.is_file() else ""
    front = _FRONT_MATTER.search(text)
    fields = {name: value.strip("\"'") for name, value in _FIELD.findall(front[1])} if front else {}
    stated = [fields[name] for name in ("license", "license_name", "license_link") if name in fields]
    return ", ".join(stated) or f"unknown: not stated in {checkpoint.origin}"
