"""A folder that shows transformers what it may see: the files that were checked, and no word of code to run."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from encoders.errors import EncoderError
from encoders.hub.files import SMALL, TOKENIZER_CONFIG, Checkpoint, read_json

REMOTE_CODE: Final = "auto_map"


@contextmanager
def staged(checkpoint: Checkpoint) -> Iterator[Path]:
    """Give a folder of links to the checkpoint's files, until the end of the block; its JSON names no code of the repository.

    Raises `EncoderError` for a broken JSON file, and for a tokenizer that is code of the repository.
    """
    with tempfile.TemporaryDirectory(prefix="framebus-export-") as name:
        stage = Path(name)
        for small in SMALL:
            path = checkpoint.path(small)
            if path.is_file() and path.suffix == ".json":
                (stage / small).write_text(json.dumps(_without_code(path)))
            elif path.is_file():
                (stage / small).symlink_to(path.resolve())
        for weights in checkpoint.weights:
            (stage / weights.name).symlink_to(weights.resolve())
        yield stage


def _without_code(path: Path) -> dict[str, object]:
    value = read_json(path)
    code = value.pop(REMOTE_CODE, None)
    if code is not None and path.name == TOKENIZER_CONFIG:
        raise EncoderError(f"{path}: its tokenizer is code of the repository ({code}), which is never run")
    return value
