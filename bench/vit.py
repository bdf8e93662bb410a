"""A model folder of ViT-B/32 size with random weights: what a real encoder costs, where none can be downloaded.

86 M parameters, 224 px, patches of 32 px, 12 blocks of width 768 with 12 heads, 512 numbers out (the sizes of CLIP ViT-B/32).
"""

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE, PATCH, WIDTH, HEADS, BLOCKS, OUT = 224, 32, 768, 12, 12, 512
TOKENS: Final = (SIZE // PATCH) ** 2


class _Graph:
    """Nodes and weights under construction."""

    def __init__(self, seed: int) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._rng = np.random.default_rng(seed)

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, value: npt.NDArray[np.generic]) -> str:
        name = f"weight{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def random(self, *shape: int) -> str:
        return self.constant((self._rng.standard_normal(shape) / np.sqrt(shape[-2])).astype(np.float32))

    def linear(self, x: str, rows: int, columns: int) -> str:
        return self.add("Add", self.add("MatMul", x, self.random(rows, columns)), self.constant(np.zeros(columns, np.float32)))

    def normalised(self, x: str) -> str:
        scale, shift = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)
        return self.add("LayerNormalization", x, self.constant(scale), self.constant(shift), axis=-1)

    def heads(self, x: str, order: list[int]) -> str:
        split = self.constant(np.array([0, TOKENS, HEADS, WIDTH // HEADS], np.int64))
        return self.add("Transpose", self.add("Reshape", x, split), perm=order)

    def attention(self, x: str) -> str:
        q, k, v = (self.linear(x, WIDTH, WIDTH) for _ in range(3))
        scores = self.add("MatMul", self.heads(q, [0, 2, 1, 3]), self.heads(k, [0, 2, 3, 1]))
        scale = self.constant(np.array((WIDTH // HEADS) ** -0.5, np.float32))
        mixed = self.add("MatMul", self.add("Softmax", self.add("Mul", scores, scale), axis=-1), self.heads(v, [0, 2, 1, 3]))
        joined = self.add("Transpose", mixed, perm=[0, 2, 1, 3])
        return self.linear(self.add("Reshape", joined, self.constant(np.array([0, TOKENS, WIDTH], np.int64))), WIDTH, WIDTH)

    def block(self, x: str) -> str:
        x = self.add("Add", x, self.attention(self.normalised(x)))
        hidden = self.add("Gelu", self.linear(self.normalised(x), WIDTH, 4 * WIDTH))
        return self.add("Add", x, self.linear(hidden, 4 * WIDTH, WIDTH))


def make_vit_folder(path: Path, seed: int = 0) -> Path:
    """Write the model folder (about 350 MB) to `path` and return it."""
    path.mkdir(parents=True, exist_ok=True)
    onnx.save(_image_tower(seed), path / "image.onnx")
    card = {
        "name": "vit-b32-random", "dimension": OUT, "image_size": [SIZE, SIZE], "resize": "squash", "licence": "Apache-2.0",
        "prompts": ["{}"],
    }  # fmt: skip
    (path / "encoder.json").write_text(json.dumps(card))
    units = np.eye(1, OUT, dtype=np.float32)
    np.savez(path / "background.npz", images=units, texts=units)
    return path


def _image_tower(seed: int) -> onnx.ModelProto:
    graph = _Graph(seed)
    pixels = graph.add("Transpose", graph.add("Cast", "pixels", to=TensorProto.FLOAT), perm=[0, 3, 1, 2])
    scaled = graph.add("Mul", pixels, graph.constant(np.array(1 / 255, np.float32)))
    kernels = graph.constant((np.random.default_rng(seed).standard_normal((WIDTH, 3, PATCH, PATCH)) / 55).astype(np.float32))
    patches = graph.add("Conv", scaled, kernels, strides=[PATCH, PATCH])
    flat = graph.add("Reshape", patches, graph.constant(np.array([0, WIDTH, TOKENS], np.int64)))
    x = graph.add("Transpose", flat, perm=[0, 2, 1])
    for _ in range(BLOCKS):
        x = graph.block(x)
    pooled = graph.add("ReduceMean", graph.normalised(x), graph.constant(np.array([1], np.int64)), keepdims=0)
    graph.nodes.append(helper.make_node("LpNormalization", [graph.linear(pooled, WIDTH, OUT)], ["image_embeds"], axis=1, p=2))
    inputs = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", SIZE, SIZE, 3])
    outputs = helper.make_tensor_value_info("image_embeds", TensorProto.FLOAT, ["n", OUT])
    made = helper.make_graph(graph.nodes, "vit-b32", [inputs], [outputs], graph.weights)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
