"""A graph in half precision: the part between its first and its last matrix product, and nothing around it. Pure.

Pixels are normalised and vectors brought to unit length in float32. Between, everything that holds float32 holds the lower type,
weights too, but for what loses most by it. The graph says so itself, by casts, so every backend runs the same arithmetic:
TensorRT's strongly typed networks take their precision from nowhere else.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

HEAVY: Final = frozenset({
    "Attention", "Conv", "ConvTranspose", "Einsum", "FusedAttention", "Gemm", "Linear", "LinearGelu", "MatMul",
})  # fmt: skip
FLOAT32_ONLY: Final = frozenset({
    "Exp", "Log", "LpNormalization", "Pow", "ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceMean", "ReduceProd", "ReduceSum",
    "ReduceSumSquare", "Resize",
})  # fmt: skip
"""Sums and powers: they leave the range of float16, or add up its rounding."""
OF_SHAPES_ALONE: Final = frozenset({"Shape", "Size"})
"""What comes out of these depends on no value: the low part does not spread through them."""
LARGEST_FLOAT16: Final = 65_504.0


def lowered(model: onnx.ModelProto, low: int) -> onnx.ModelProto:
    """Return `model`, whose values must be typed, with its middle in the type `low` (`FLOAT16` or `BFLOAT16`)."""
    types = _value_types(model)
    middle = _middle(model.graph.node)
    edit = _Edit(model, types, low)
    for number, node in enumerate(model.graph.node):
        if number in middle:
            edit.lower(node)
        else:
            edit.keep(node)
    return edit.finish()


def _value_types(model: onnx.ModelProto) -> dict[str, int]:
    graph = model.graph
    values = (*graph.input, *graph.value_info, *graph.output)
    types = {value.name: int(value.type.tensor_type.elem_type) for value in values}
    return types | {tensor.name: int(tensor.data_type) for tensor in graph.initializer}


def _middle(nodes: Iterable[onnx.NodeProto]) -> set[int]:
    """Return the numbers of the nodes that lie on a way from one heavy node to another, and of the heavy ones themselves."""
    nodes = list(nodes)
    after: set[str] = set()
    downstream = set()
    for number, node in enumerate(nodes):
        if node.op_type in HEAVY or (node.op_type not in OF_SHAPES_ALONE and not after.isdisjoint(node.input)):
            after.update(node.output)
            downstream.add(number)
    before: set[str] = set()
    middle = set()
    for number, node in reversed(list(enumerate(nodes))):
        if node.op_type in HEAVY or not before.isdisjoint(node.output):
            before.update(node.input)
            if number in downstream and node.op_type not in FLOAT32_ONLY:
                middle.add(number)
    return middle


class _Edit:
    """The graph as it is written anew, node by node. A float32 value has a second name for each type that it is wanted in."""

    def __init__(self, model: onnx.ModelProto, types: Mapping[str, int], low: int) -> None:
        self._model, self._types, self._low = model, types, low
        self._weights = {tensor.name: tensor for tensor in model.graph.initializer}
        self._outputs = {value.name for value in model.graph.output}
        self._is_low: set[str] = set()
        self._casts: dict[tuple[str, int], str] = {}
        self._nodes: list[onnx.NodeProto] = []
        self._lowered: list[TensorProto] = []

    def lower(self, node: onnx.NodeProto) -> None:
        """Take a node of the middle."""
        new = self._copy(node, [self._in(name, self._low) for name in node.input])
        for attribute in new.attribute:
            if attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = self._low
        self._is_low.update(name for name in node.output if self._types.get(name) == TensorProto.FLOAT)
        for number, name in enumerate(node.output):
            if name in self._outputs and name in self._is_low:
                new.output[number] = f"{name}/low"
        self._nodes.append(new)
        for name in self._outputs.intersection(node.output) & self._is_low:
            self._nodes.append(helper.make_node("Cast", [f"{name}/low"], [name], to=TensorProto.FLOAT))
            self._is_low.remove(name)

    def keep(self, node: onnx.NodeProto) -> None:
        """Take a node from around the middle."""
        self._nodes.append(self._copy(node, [self._in(name, TensorProto.FLOAT) for name in node.input]))

    def finish(self) -> onnx.ModelProto:
        """Return the new model, without the weights that nothing reads any more."""
        model, old = onnx.ModelProto(), self._model.graph
        used = {name for node in self._nodes for name in node.input}
        kept = [tensor for tensor in old.initializer if tensor.name in used]
        graph = helper.make_graph(self._nodes, old.name, old.input, old.output, [*kept, *self._lowered])
        model = helper.make_model(graph, opset_imports=self._model.opset_import, ir_version=self._model.ir_version)
        model.functions.extend(self._model.functions)
        return model

    def _copy(self, node: onnx.NodeProto, inputs: list[str]) -> onnx.NodeProto:
        new = onnx.NodeProto()
        new.CopyFrom(node)
        del new.input[:]
        new.input.extend(inputs)
        return new

    def _in(self, name: str, wanted: int) -> str:
        """Return the name under which `name` has the type `wanted`, where it is a float32 value of the old graph."""
        if self._types.get(name) != TensorProto.FLOAT or (name in self._is_low) is (wanted == self._low):
            return name
        if (name, wanted) not in self._casts:
            other = f"{name}/{'low' if wanted == self._low else 'float32'}"
            self._casts[name, wanted] = other
            if name in self._weights:
                self._lowered.append(_lower_weights(self._weights[name], other, self._low))
            else:
                self._nodes.append(helper.make_node("Cast", [name], [other], to=wanted))
        return self._casts[name, wanted]


def _lower_weights(tensor: TensorProto, name: str, low: int) -> TensorProto:
    values: npt.NDArray[Any] = numpy_helper.to_array(tensor)
    if low == TensorProto.FLOAT16:
        # Masks are written with the lowest float32, or minus infinity: as far as float16 goes is as good.
        values = np.clip(values, -LARGEST_FLOAT16, LARGEST_FLOAT16)
    return numpy_helper.from_array(values.astype(helper.tensor_dtype_to_np_dtype(low)), name)
