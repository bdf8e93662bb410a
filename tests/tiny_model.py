"""A model folder of a few kB for tests: fast, and the same bits for a picture whatever batch it is in.

The image tower averages a 4 x 4 grid of colours and multiplies it with small whole numbers: similar pictures are near, colours
are apart. Before the last division every value is a multiple of 1/64 below 2^24/64, so float32 adds it exactly in any order.
The text tower is the mean of an embedding table; a colour's name lies where pictures of that colour lie.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

GRID = 4
TOKENS = 8
COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255), "black": (0, 0, 0)}
OTHER_WORDS = ("a", "of", "photo", "car", "picture")
MIDDLE = 112.0
OFFSET = 64.0
"""Gives the plain grey picture, whose features are all zero, a direction."""

Weights = npt.NDArray[np.float32]


def make_tiny_model(path: Path, dimension: int = 32, size: int = 32, seed: int = 0, *, text: bool = True) -> Path:
    """Write a model folder to `path` and return it. `size` is 4, 8, 16, 32, …: the grid's cells must hold 2^n pixels."""
    path.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    weights = rng.integers(-7, 8, (GRID * GRID * 3, dimension)).astype(np.float32)
    table = _table(weights, rng)
    card = {
        "name": f"tiny-{seed}", "dimension": dimension, "image_size": [size, size], "resize": "squash", "licence": "Apache-2.0",
        "prompts": ["{}", "a photo of {}"], "notice": "made for tests",
        "found": {"text": 0.4, "image": 0.6},
    }  # fmt: skip
    onnx.save(_image_tower(weights, size), path / "image.onnx")
    if text:
        card |= {"text_tokens": TOKENS, "pad_id": 0}
        onnx.save(_text_tower(table), path / "text.onnx")
        _tokenizer().save(str(path / "tokenizer.json"))
    (path / "encoder.json").write_text(json.dumps(card))
    np.savez(path / "background.npz", images=_units(rng, 16, dimension), texts=_units(rng, 16, dimension))
    return path


def image_vectors(weights: Weights, pixels: npt.NDArray[np.uint8]) -> Weights:
    """Recompute the image tower in numpy: pixels [n, size, size, 3] to unit vectors."""
    n, size = len(pixels), pixels.shape[1]
    cells = pixels.reshape(n, GRID, size // GRID, GRID, size // GRID, 3).astype(np.float64).mean(axis=(2, 4))
    features = cells.transpose(0, 3, 1, 2).reshape(n, -1) - MIDDLE
    return _unit(features @ weights.astype(np.float64) + OFFSET)


def image_weights(path: Path) -> Weights:
    """Return the weights [48, dimension] of the image tower in a tiny model folder."""
    graph = onnx.load(path / "image.onnx").graph
    return np.array(next(numpy_helper.to_array(node) for node in graph.initializer if node.name == "weights"))


def _image_tower(weights: Weights, size: int) -> onnx.ModelProto:
    cell = size // GRID
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["floats"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("AveragePool", ["planes"], ["cells"], kernel_shape=[cell, cell], strides=[cell, cell]),
        helper.make_node("Flatten", ["cells"], ["flat"]),
        helper.make_node("Sub", ["flat", "middle"], ["features"]),
        helper.make_node("MatMul", ["features", "weights"], ["projected"]),
        helper.make_node("Add", ["projected", "offset"], ["moved"]),
        helper.make_node("LpNormalization", ["moved"], ["image_embeds"], axis=1, p=2),
    ]
    constants = {"weights": weights, "middle": np.array(MIDDLE, np.float32), "offset": np.array(OFFSET, np.float32)}
    inputs = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", size, size, 3])
    return _model(nodes, inputs, "image_embeds", weights.shape[1], constants)


def _text_tower(table: Weights) -> onnx.ModelProto:
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["words"]),
        helper.make_node("ReduceMean", ["words", "token_axis"], ["mean"], keepdims=0),
        helper.make_node("LpNormalization", ["mean"], ["text_embeds"], axis=1, p=2),
    ]
    constants: dict[str, npt.NDArray[np.float32 | np.int64]] = {"table": table, "token_axis": np.array([1], np.int64)}
    inputs = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["n", TOKENS])
    return _model(nodes, inputs, "text_embeds", table.shape[1], constants)


def _model(
    nodes: list[onnx.NodeProto],
    inputs: onnx.ValueInfoProto,
    output: str,
    dimension: int,
    constants: Mapping[str, npt.NDArray[np.float32 | np.int64]],
) -> onnx.ModelProto:
    outputs = helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", dimension])
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", [inputs], [outputs], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return model


def _table(weights: Weights, rng: np.random.Generator) -> Weights:
    """Vectors of all words: padding is zero, a colour is where its picture is, any other word is small and random."""
    table = {word: 0.01 * _units(rng, 1, weights.shape[1])[0] for word in _vocabulary()}
    table["<pad>"] = np.zeros(weights.shape[1], np.float32)
    for word, colour in COLOURS.items():
        plain = np.broadcast_to(np.array(colour, np.uint8), (1, GRID, GRID, 3))
        table[word] = image_vectors(weights, plain)[0]
    return np.stack(list(table.values())).astype(np.float32)


def _vocabulary() -> dict[str, int]:
    return {word: number for number, word in enumerate(("<pad>", "<unk>", *OTHER_WORDS, *COLOURS))}


def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel(_vocabulary(), unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


def _units(rng: np.random.Generator, n: int, dimension: int) -> Weights:
    return _unit(rng.normal(size=(n, dimension)))


def _unit(vectors: npt.NDArray[np.float64]) -> Weights:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
