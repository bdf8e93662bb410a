"""`framebus reset`."""

import os
import shutil
from pathlib import Path
from typing import Annotated, Final

import typer

from framebus.cli.application import application
from framebus.cli.connection import HomeOption
from framebus.cli.failure import Failure
from framebus.client import home_folder
from framebus.local.errors import StackError
from framebus.local.home import STAMP, own_home

CONTENTS: Final = {
    "kafka": "topics",
    "milvus": "rows",
    "media": "recorded media and thumbnails",
    "secrets": "passwords of sources",
}
"""Folders of a home, and what they hold. Its key and logs stay."""

app = application()


@app.command()
def reset(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: HomeOption = None,
) -> None:
    """Delete the rows, topics and media of a stopped local stack, after confirmation; its next start begins empty.

    Your video files stay where they are, and so does what FRAMEBUS_KAFKA, FRAMEBUS_MILVUS or FRAMEBUS_MEDIA name elsewhere.
    """
    folder = home_folder(home, os.environ)
    if not (folder / STAMP).exists():
        raise Failure(str(folder), "not a home of Framebus", "name one with --home DIR or FRAMEBUS_HOME")
    try:
        with own_home(folder):
            _delete(folder, asked=not yes)
    except StackError as error:
        raise Failure("framebus reset", str(error)) from None


def _delete(folder: Path, *, asked: bool) -> None:
    present = [name for name in CONTENTS if (folder / name).exists()]
    if not present:
        print(f"{folder} is empty already")
        return
    said = ", ".join(f"{CONTENTS[name]} ({size_mb(folder / name):,.0f} MB)" for name in present)
    if asked:
        typer.confirm(f"Delete {said} in {folder}?", abort=True)
    for name in present:
        shutil.rmtree(folder / name)
    print(f"deleted: {said}")


def size_mb(folder: Path) -> float:
    """Return the size of all files in a folder, in millions of bytes."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir()) / 1e6
