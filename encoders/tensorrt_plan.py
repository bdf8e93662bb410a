"""Plans of TensorRT: what one is for, what it is called, where it lies. Nothing here needs TensorRT.

A plan serves one graph on one kind of GPU with one version of TensorRT: its name is a hash of all that. It is a program that the
GPU runs, so plans are read from a folder that is this user's alone.
"""

import fcntl
import hashlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import msgspec
import onnx
from onnx import TensorProto, helper

from encoders.batch_sizes import BUCKETS
from encoders.errors import EncoderError
from encoders.onnx_file import row_shape

E = TypeVar("E")
RECIPE: Final = 1
"""Raised when graphs are prepared in another way: plans of before are then built again."""
COMMON_ROWS: Final = {"pixels": 32, "input_ids": 4}
"""The batch that a plan is tuned for: many pictures, or the prompts of one query."""
BUILD_LEVEL: Final = 3
VARIABLE: Final = "FRAMEBUS_ENGINES"


@dataclass(frozen=True)
class Profile:
    """Shapes of the input: the smallest batch, the one that is tuned for, the largest."""

    smallest: tuple[int, ...]
    common: tuple[int, ...]
    largest: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """All that a plan depends on."""

    onnx_sha256: str
    tensorrt: str
    gpu: str
    compute_capability: tuple[int, int]
    precision: str
    profile: Profile
    build_level: int = BUILD_LEVEL
    recipe: int = RECIPE

    @property
    def file_name(self) -> str:
        """The plan's name in its folder."""
        return f"{hashlib.sha256(msgspec.json.encode(self)).hexdigest()}.plan"


def profile_of(model: onnx.ModelProto, input_name: str, path: Path) -> Profile:
    """Return the profile of a tower; raises `EncoderError` where more than the number of rows is open."""
    row = row_shape(model, input_name)
    if not row or min(row) < 1:
        raise EncoderError(f"{path}: input {input_name!r}: expected [n, ...] with every size but n fixed")
    return Profile((1, *row), (COMMON_ROWS[input_name], *row), (BUCKETS[-1], *row))


def cast_first(model: onnx.ModelProto, input_name: str) -> onnx.ModelProto:
    """Return `model` with its uint8 input turned to float32 before anything else: TensorRT takes uint8 nowhere but there."""
    floats = f"{input_name}/float32"
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    for node in changed.graph.node:
        node.input[:] = [floats if name == input_name else name for name in node.input]
    changed.graph.node.insert(0, helper.make_node("Cast", [input_name], [floats], to=TensorProto.FLOAT))
    del changed.graph.value_info[:]
    return changed


def engines_folder(environ: Mapping[str, str]) -> Path:
    """Return where plans lie: FRAMEBUS_ENGINES, else `framebus/engines` in the user's cache."""
    if named := environ.get(VARIABLE):
        return Path(named).expanduser().absolute()
    cache = environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "framebus" / "engines"


def load_or_build(folder: Path, name: str, load: Callable[[bytes], E | None], build: Callable[[], bytes]) -> E:
    """Return what `load` makes of the plan `name`. One that is absent, or that `load` does not take, is built and written whole.

    One process builds a plan while others wait for it. Raises `EncoderError` for a folder that others can write to.
    """
    _own(folder)
    path = folder / name
    with _alone(folder / f".{name}.lock"):
        loaded = load(path.read_bytes()) if path.is_file() else None
        if loaded is None:
            path.unlink(missing_ok=True)
            plan = build()
            _write(path, plan)
            loaded = load(plan)
    if loaded is None:
        raise EncoderError(f"{path}: TensorRT does not take the plan that it has just built")
    return loaded


def _own(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        state = folder.stat()
    except OSError as error:
        raise EncoderError(
            f"{folder}: plans of TensorRT cannot be kept here: {error.strerror}; {VARIABLE} names another"
        ) from None
    if state.st_uid != os.geteuid() or state.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise EncoderError(
            f"{folder}: others can write here: expected a folder of this user, mode 0700; {VARIABLE} names another"
        )


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write(path: Path, content: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".partial", delete=False) as new:
        new.write(content)
    Path(new.name).replace(path)
