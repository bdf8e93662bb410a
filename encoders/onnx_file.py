"""A tower's ONNX file with its weights, read and checked: what backends start from that run the graph themselves."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto

from encoders.errors import EncoderError

INPUT_TYPES: Final = {"pixels": TensorProto.UINT8, "input_ids": TensorProto.INT64}
PIECE_BYTES: Final = 1 << 20


def read_onnx(path: Path, *, input_name: str, output_name: str) -> onnx.ModelProto:
    """Return the graph at `path` with its weights and the type of every value, or raise `EncoderError`.

    Weights in files of their own are read from the folder of `path` and from nowhere else.
    """
    model = _parse(path)
    _check_interface(path, model, input_name, output_name)
    try:
        typed = onnx.shape_inference.infer_shapes(model)
        onnx.load_external_data_for_model(typed, str(path.parent))
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, OSError, RuntimeError, ValueError) as error:
        raise EncoderError(f"{path}: cannot be loaded: {_one_line(error)}") from None
    return typed


def row_shape(model: onnx.ModelProto, input_name: str) -> tuple[int, ...]:
    """Return the sizes of one row of an input as the graph states them; 0 for one that it leaves open."""
    value = next(one for one in model.graph.input if one.name == input_name)
    return tuple(int(size.dim_value) for size in value.type.tensor_type.shape.dim[1:])


def check_rows(path: Path, stated: tuple[int, ...], found: tuple[int, ...]) -> None:
    """Raise `EncoderError` where rows of shape `found` are not what the graph at `path` states."""
    if len(stated) != len(found) or any(size not in (0, given) for size, given in zip(stated, found, strict=True)):
        raise EncoderError(f"{path}: cannot be run: it is given rows of {list(found)}, and takes {list(stated)}")


def onnx_digest(path: Path) -> str:
    """Return the SHA-256 of a graph that `read_onnx` takes and of the files of its weights, in hexadecimal."""
    digest = hashlib.sha256()
    for part in (path, *(path.parent / name for name in sorted(set(_external_files(_parse(path)))))):
        with part.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                digest.update(piece)
    return digest.hexdigest()


def _parse(path: Path) -> onnx.ModelProto:
    try:
        model = onnx.load(path, load_external_data=False)
    except (DecodeError, OSError) as error:
        raise EncoderError(f"{path}: cannot be loaded: not an ONNX graph: {_one_line(error)}") from None
    if not model.graph.node:
        raise EncoderError(f"{path}: cannot be loaded: not an ONNX graph: it has no nodes")
    return model


def _check_interface(path: Path, model: onnx.ModelProto, input_name: str, output_name: str) -> None:
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = {value.name: value for value in model.graph.input if value.name not in weights}
    outputs = {value.name: value for value in model.graph.output}
    for role, name, known in (("input", input_name, inputs), ("output", output_name, outputs)):
        if name not in known:
            raise EncoderError(f"{path}: no {role} {name!r}; it has {', '.join(map(repr, known))}")
    if len(inputs) > 1:
        raise EncoderError(f"{path}: inputs {', '.join(map(repr, inputs))}: expected {input_name!r} alone")
    found, expected = inputs[input_name].type.tensor_type.elem_type, INPUT_TYPES[input_name]
    if found != expected:
        raise EncoderError(f"{path}: cannot be run: input {input_name!r} is {_type(found)}: expected {_type(expected)}")


def _external_files(model: onnx.ModelProto) -> Iterator[str]:
    for tensor in model.graph.initializer:
        if tensor.data_location == TensorProto.EXTERNAL:
            yield from {entry.value for entry in tensor.external_data if entry.key == "location"}


def _type(number: int) -> str:
    return str(TensorProto.DataType.Name(number)).lower()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
