"""Model folders of real encoders' sizes with random weights: what such an encoder costs, where none can be downloaded."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

EXTERNAL_FROM_PARAMETERS: Final = 250_000_000
"""Weights from this many on lie in a file beside the graph: an ONNX file ends at 2 GiB."""


@dataclass(frozen=True)
class Sizes:
    """An image tower: a plain vision transformer of `blocks` blocks over squares of `patch` px, mean-pooled to `out` numbers.

    `hidden` is the width inside an MLP, `gelu` the approximation of its activation, as ONNX names it.
    """

    name: str
    side: int
    patch: int
    width: int
    heads: int
    blocks: int
    hidden: int
    out: int
    gelu: str

    @property
    def tokens(self) -> int:
        """How many patches a picture has; what is left at its edges is not looked at."""
        return (self.side // self.patch) ** 2

    @property
    def parameters(self) -> int:
        """Weights of the matrix products, which are nearly all."""
        block = 4 * self.width**2 + 2 * self.width * self.hidden
        return 3 * self.patch**2 * self.width + self.blocks * block + self.width * self.out

    @property
    def flops_per_image(self) -> int:
        """Two operations for each multiplication of a matrix product, attention's two among them; nothing else is counted.

        So count open_clip's docs/model_profile.csv and timm's tables (35.1 GFLOP for ViT-B/16). Of N tokens of width D a block
        with an MLP of width M takes N(4D² + 2DM) in its layers and 2N²D in attention (Kaplan et al., arXiv:2001.08361, table 1).
        """
        layers = self.tokens * (3 * self.patch**2 * self.width + self.blocks * (4 * self.width**2 + 2 * self.width * self.hidden))
        attention = self.blocks * 2 * self.tokens**2 * self.width
        return 2 * (layers + attention + self.width * self.out)


VIT_B_32: Final = Sizes("vit-b32-random", 224, 32, 768, 12, 12, 3072, 512, "none")
"""The sizes of CLIP ViT-B/32: 86 M parameters."""
VIT_B_16: Final = Sizes("vit-b16-random", 224, 16, 768, 12, 12, 3072, 768, "tanh")
"""The sizes of SigLIP B/16, 86 M parameters, as all here without a head that pools by attention (1 % of its work)."""
SO400M_224: Final = Sizes("so400m-224-random", 224, 14, 1152, 16, 27, 4304, 1152, "tanh")
SO400M_384: Final = Sizes("so400m-384-random", 384, 14, 1152, 16, 27, 4304, 1152, "tanh")
"""The sizes of SigLIP SO400M/14: 412 M parameters."""


class _Graph:
    """Nodes and weights under construction."""

    def __init__(self, sizes: Sizes, seed: int) -> None:
        self.sizes = sizes
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
        """Return weights under which values keep their size; the axes before the last are summed over."""
        numbers = self._rng.standard_normal(shape, np.float32)
        numbers *= np.float32(np.prod(shape[:-1]) ** -0.5)
        return self.constant(numbers)

    def linear(self, x: str, rows: int, columns: int) -> str:
        return self.add("Add", self.add("MatMul", x, self.random(rows, columns)), self.constant(np.zeros(columns, np.float32)))

    def normalised(self, x: str) -> str:
        scale, shift = np.ones(self.sizes.width, np.float32), np.zeros(self.sizes.width, np.float32)
        return self.add("LayerNormalization", x, self.constant(scale), self.constant(shift), axis=-1)

    def shaped(self, x: str, *shape: int) -> str:
        return self.add("Reshape", x, self.constant(np.array(shape, np.int64)))

    def heads(self, x: str, order: list[int]) -> str:
        one = self.sizes
        return self.add("Transpose", self.shaped(x, 0, one.tokens, one.heads, one.width // one.heads), perm=order)

    def attention(self, x: str) -> str:
        one = self.sizes
        q, k, v = (self.linear(x, one.width, one.width) for _ in range(3))
        scores = self.add("MatMul", self.heads(q, [0, 2, 1, 3]), self.heads(k, [0, 2, 3, 1]))
        scale = self.constant(np.array((one.width // one.heads) ** -0.5, np.float32))
        mixed = self.add("MatMul", self.add("Softmax", self.add("Mul", scores, scale), axis=-1), self.heads(v, [0, 2, 1, 3]))
        joined = self.add("Transpose", mixed, perm=[0, 2, 1, 3])
        return self.linear(self.shaped(joined, 0, one.tokens, one.width), one.width, one.width)

    def block(self, x: str) -> str:
        one = self.sizes
        x = self.add("Add", x, self.attention(self.normalised(x)))
        hidden = self.add("Gelu", self.linear(self.normalised(x), one.width, one.hidden), approximate=one.gelu)
        return self.add("Add", x, self.linear(hidden, one.hidden, one.width))


def make_vit_folder(path: Path, sizes: Sizes = VIT_B_32, seed: int = 0) -> Path:
    """Write the model folder (four bytes a parameter) to `path` and return it."""
    path.mkdir(parents=True, exist_ok=True)
    apart = sizes.parameters >= EXTERNAL_FROM_PARAMETERS
    onnx.save(_image_tower(sizes, seed), path / "image.onnx", save_as_external_data=apart, location="image.onnx.data")
    card = {
        "name": sizes.name, "dimension": sizes.out, "image_size": [sizes.side, sizes.side], "resize": "squash",
        "licence": "Apache-2.0", "prompts": ["{}"],
    }  # fmt: skip
    (path / "encoder.json").write_text(json.dumps(card))
    units = np.eye(1, sizes.out, dtype=np.float32)
    np.savez(path / "background.npz", images=units, texts=units)
    return path


def _image_tower(sizes: Sizes, seed: int) -> onnx.ModelProto:
    graph, side, patch, width = _Graph(sizes, seed), sizes.side, sizes.patch, sizes.width
    pixels = graph.add("Transpose", graph.add("Cast", "pixels", to=TensorProto.FLOAT), perm=[0, 3, 1, 2])
    scaled = graph.add("Mul", pixels, graph.constant(np.array(1 / 255, np.float32)))
    kernels = np.random.default_rng(seed).standard_normal((width, 3, patch, patch), np.float32) / np.float32(patch * 3**0.5)
    patches = graph.add("Conv", scaled, graph.constant(kernels), strides=[patch, patch])
    x = graph.add("Transpose", graph.shaped(patches, 0, width, sizes.tokens), perm=[0, 2, 1])
    for _ in range(sizes.blocks):
        x = graph.block(x)
    pooled = graph.add("ReduceMean", graph.normalised(x), graph.constant(np.array([1], np.int64)), keepdims=0)
    unit = graph.linear(pooled, width, sizes.out)
    graph.nodes.append(helper.make_node("LpNormalization", [unit], ["image_embeds"], axis=1, p=2))
    inputs = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", side, side, 3])
    outputs = helper.make_tensor_value_info("image_embeds", TensorProto.FLOAT, ["n", sizes.out])
    made = helper.make_graph(graph.nodes, sizes.name, [inputs], [outputs], graph.weights)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
