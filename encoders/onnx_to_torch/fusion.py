"""Attention and linear layers found in a graph and written as one node each, which PyTorch runs as one kernel. Pure.

Exporters take attention apart: softmax(q kᵀ · scale + mask) v, sometimes with the root of the scale on q and on kᵀ, sometimes
with a guard against rows that are masked out (IsNaN and Where after the softmax).
"""

from collections import defaultdict
from typing import Final

import onnx
from onnx import helper, numpy_helper

LAST_AXES: Final = (-1, 3)


def fuse(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return `model`, whose values must be typed, with attention as `FusedAttention`, layers as `Linear` and `LinearGelu`."""
    graph = _Graph(model.graph)
    replaced: dict[int, onnx.NodeProto] = {}
    gone: set[int] = set()
    for node in model.graph.node:
        match = _attention(graph, node) or _linear(graph, node) or _linear_gelu(graph, node)
        if match is not None:
            new, parts = match
            replaced[id(node)] = new
            gone.update(id(part) for part in parts)
    nodes = [replaced.get(id(node), node) for node in graph.nodes if id(node) not in gone]
    fused = onnx.ModelProto()
    fused.CopyFrom(model)
    del fused.graph.node[:]
    fused.graph.node.extend(nodes)
    return fused


Match = tuple[onnx.NodeProto, list[onnx.NodeProto]]
"""The node that stands for a pattern, in the place of the pattern's last one, and the other nodes of it."""


class _Graph:
    """Who makes a value, who reads it, and what is known of it."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.nodes = list(graph.node)
        self._maker = {name: node for node in self.nodes for name in node.output}
        self._readers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in self.nodes:
            for name in node.input:
                self._readers[name].append(node)
        self._outputs = {value.name for value in graph.output}
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}
        self._shapes = {value.name: value.type.tensor_type.shape for value in graph.value_info}
        self._fixed = set(self._tensors)
        for node in self.nodes:
            if self._fixed.issuperset(name for name in node.input if name):
                self._fixed.update(node.output)

    def maker(self, name: str, *kinds: str, readers: int = 1) -> onnx.NodeProto | None:
        """Return the node that makes `name` for so many readers and no more, where it is of one of `kinds`."""
        node = self._maker.get(name)
        is_inner = len(self._readers[name]) == readers and name not in self._outputs
        return node if node is not None and is_inner and node.op_type in kinds else None

    def number(self, name: str) -> float | None:
        """Return the value of a constant that holds one number."""
        tensor = self._tensors.get(name)
        node = self._maker.get(name)
        if node is not None and node.op_type == "Constant" and node.attribute[0].name == "value":
            tensor = node.attribute[0].t
        if tensor is None or [size for size in tensor.dims if size != 1]:
            return None
        return float(numpy_helper.to_array(tensor).item())

    def is_fixed(self, name: str, rank: int) -> bool:
        """Return whether `name` depends on no input and has `rank` axes."""
        if name not in self._fixed:
            return False
        tensor = self._tensors.get(name)
        if tensor is not None:
            return len(tensor.dims) == rank
        return name in self._shapes and len(self._shapes[name].dim) == rank


def _linear(graph: _Graph, add: onnx.NodeProto) -> Match | None:
    if add.op_type != "Add":
        return None
    for product, bias in (tuple(add.input), tuple(reversed(add.input))):
        matmul = graph.maker(product, "MatMul")
        if matmul is not None and graph.is_fixed(matmul.input[1], rank=2) and graph.is_fixed(bias, rank=1):
            return helper.make_node("Linear", [*matmul.input, bias], list(add.output), name=add.name), [matmul]
    return None


def _linear_gelu(graph: _Graph, gelu: onnx.NodeProto) -> Match | None:
    """Return a layer with its activation, where that is GELU by tanh: the matrix library of a GPU has it built in."""
    if gelu.op_type != "Gelu" or not any(attribute.s == b"tanh" for attribute in gelu.attribute):
        return None
    add = graph.maker(gelu.input[0], "Add")
    match = _linear(graph, add) if add is not None else None
    if add is None or match is None:
        return None
    linear, parts = match
    return helper.make_node("LinearGelu", list(linear.input), list(gelu.output), name=gelu.name), [add, *parts]


def _attention(graph: _Graph, last: onnx.NodeProto) -> Match | None:
    if last.op_type != "MatMul" or (found := _softmax(graph, last.input[0])) is None:
        return None
    softmax, parts = found
    name, mask = softmax.input[0], ""
    if (add := graph.maker(name, "Add")) is not None:
        name, mask = _scores_and_mask(graph, add)
        parts.append(add)
    scale, scalings = _scale(graph, name)
    name = scalings[-1].input[0] if scalings else name
    product = graph.maker(name, "MatMul")
    if product is None:
        return None
    inputs = [product.input[0], product.input[1], last.input[1], *([mask] if mask else [])]
    new = helper.make_node("FusedAttention", inputs, list(last.output), name=last.name, scale=scale)
    return new, [*parts, *scalings, product]


def _softmax(graph: _Graph, weights: str) -> tuple[onnx.NodeProto, list[onnx.NodeProto]] | None:
    """Return the softmax over the last axis that `weights` comes from, and the nodes on the way, itself among them."""
    guard: list[onnx.NodeProto] = []
    softmax = graph.maker(weights, "Softmax")
    if (where := graph.maker(weights, "Where")) is not None:
        asked = graph.maker(where.input[0], "IsNaN")
        softmax = graph.maker(where.input[2], "Softmax", readers=2)
        if asked is None or asked.input[0] != where.input[2] or graph.number(where.input[1]) != 0:
            return None
        guard = [asked, where]
    if softmax is None or _axis(softmax) not in LAST_AXES:
        return None
    return softmax, [*guard, softmax]


def _axis(softmax: onnx.NodeProto) -> int:
    return next((int(attribute.i) for attribute in softmax.attribute if attribute.name == "axis"), -1)


def _scores_and_mask(graph: _Graph, add: onnx.NodeProto) -> tuple[str, str]:
    scores, mask = add.input
    return (scores, mask) if graph.maker(scores, "MatMul", "Mul", "Div") is not None else (mask, scores)


def _scale(graph: _Graph, name: str) -> tuple[float, list[onnx.NodeProto]]:
    """Return what the product behind `name` is multiplied with, and the nodes that do it, last first."""
    scale, scalings = 1.0, []
    while (node := graph.maker(name, "Mul", "Div")) is not None and (number := graph.number(node.input[1])):
        scale = scale * number if node.op_type == "Mul" else scale / number
        scalings.append(node)
        name = node.input[0]
    return scale, scalings
