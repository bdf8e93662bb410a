"""A graph that PyTorch runs: what depends on shapes alone is worked out once for each shape of the input, the rest every time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import onnx
import torch
from torch import Tensor

from encoders.errors import EncoderError
from encoders.onnx_to_torch import elementwise, layers, shapes
from encoders.onnx_to_torch.attributes import Attributes, Unsupported
from encoders.onnx_to_torch.elementwise import Operator
from encoders.onnx_to_torch.tensors import from_onnx

OPERATORS: Final[Mapping[str, Operator]] = {**elementwise.OPERATORS, **shapes.OPERATORS, **layers.OPERATORS}
OLDEST_OPSET: Final = 13
STANDARD: Final = ("", "ai.onnx")
ON_HOST: Final[Mapping[str, frozenset[int]]] = {
    **{name: frozenset({1}) for name in ("CumSum", "Expand", "Reshape", "Split", "Squeeze", "Tile", "Trilu", "Unsqueeze")},
    **{name: frozenset({1}) for name in elementwise.OPERATORS if name.startswith("Reduce")},
    "Pad": frozenset({1, 2, 3}),
    "Slice": frozenset({1, 2, 3, 4}),
}
"""Inputs that say how, not what: they are read by this program and stay in its memory."""
OF_SHAPES: Final = frozenset({"Shape", "Size"})


@dataclass(frozen=True)
class _Step:
    """One node with its inputs: names of values that are made at each run, tensors that are not."""

    run: Operator
    attributes: Attributes
    inputs: tuple[str | Tensor | None, ...]
    outputs: tuple[str, ...]
    last_readings: tuple[str, ...]


class TorchGraph:
    """The graph of a tower on one device. Call it with a batch; a shape that is new takes a little longer once."""

    def __init__(self, model: onnx.ModelProto, path: Path, input_name: str, output_name: str, device: torch.device) -> None:
        """Take a checked model; raises `EncoderError` for an operator that is not known here. `path` is for messages."""
        self._path, self._input, self._output, self._device = path, input_name, output_name, device
        self._check(model)
        self._known = {tensor.name: self._read(tensor) for tensor in model.graph.initializer}
        self._nodes = [(node, OPERATORS[node.op_type], Attributes(node)) for node in model.graph.node]
        self._fold()
        self._on_device: dict[str, Tensor] = {}
        self._plans: dict[torch.Size, list[_Step]] = {}

    @torch.inference_mode()
    def __call__(self, inputs: Tensor) -> Tensor:
        """Return the output for `inputs`, which lie on the graph's device."""
        steps = self._plans.get(inputs.shape)
        if steps is None:
            return self._plan(inputs)
        values = {self._input: inputs}
        for step in steps:
            _store(values, step.outputs, step.run(step.attributes, *_bound(values, step.inputs)))
            for name in step.last_readings:
                del values[name]
        return values[self._output]

    def _check(self, model: onnx.ModelProto) -> None:
        versions = {one.domain: one.version for one in model.opset_import}
        version = next((versions[domain] for domain in STANDARD if domain in versions), 0)
        if version < OLDEST_OPSET:
            raise EncoderError(f"{self._path}: opset {version}: the PyTorch backend runs {OLDEST_OPSET} and later; #onnx runs it")
        for node in model.graph.node:
            if node.domain not in STANDARD or node.op_type not in OPERATORS:
                name = f"{node.domain}.{node.op_type}" if node.domain not in STANDARD else node.op_type
                raise self._unsupported(f"operator {name}", node)

    def _read(self, tensor: onnx.TensorProto) -> Tensor:
        try:
            return from_onnx(tensor)
        except (Unsupported, ValueError) as error:
            raise EncoderError(f"{self._path}: cannot be loaded: weight {tensor.name!r}: {error}") from None

    def _unsupported(self, what: str, node: onnx.NodeProto) -> EncoderError:
        place = f"node {node.name or node.output[0]!r}"
        return EncoderError(f"{self._path}: {what} ({place}): the PyTorch backend does not run it; #onnx does")

    def _fold(self) -> None:
        """Work out what depends on weights alone."""
        left = []
        for node, run, attributes in self._nodes:
            if node.op_type not in OF_SHAPES and all(name in self._known for name in node.input if name):
                self._run_known(self._known, node, run, attributes)
            else:
                left.append((node, run, attributes))
        self._nodes = left
        self._last_readings = _last_readings([(node.input, node.output) for node, _, _ in left], self._output)
        read = {name for node, _, _ in left for name in node.input} | {self._output}
        self._known = {name: value for name, value in self._known.items() if name in read}

    @torch.inference_mode()
    def _run_known(self, known: dict[str, Tensor], node: onnx.NodeProto, run: Operator, attributes: Attributes) -> None:
        try:
            _store(known, node.output, run(attributes, *(known[name] if name else None for name in node.input)))
        except Unsupported as error:
            raise self._unsupported(f"operator {node.op_type}: {error}", node) from None

    def _plan(self, inputs: Tensor) -> Tensor:
        """Run the graph once, and note what a run for inputs of this shape consists of."""
        known, values, steps = dict(self._known), {self._input: inputs}, []
        for (node, run, attributes), read_no_more in zip(self._nodes, self._last_readings, strict=True):
            if node.op_type in OF_SHAPES and node.input[0] in values:
                _store(known, node.output, run(attributes, values[node.input[0]]))
            elif all(name in known for name in node.input if name):
                self._run_known(known, node, run, attributes)
            else:
                bound = tuple(self._bind(node, place, name, known) for place, name in enumerate(node.input))
                step = _Step(run, attributes, bound, tuple(node.output), ())
                try:
                    _store(values, step.outputs, run(attributes, *_bound(values, bound)))
                except Unsupported as error:
                    raise self._unsupported(f"operator {node.op_type}: {error}", node) from None
                steps.append(step)
            for name in read_no_more:  # a batch's activations of all layers together are more than a GPU holds
                values.pop(name, None)
        if self._output in known:
            raise EncoderError(f"{self._path}: {self._output!r} does not depend on {self._input!r}")
        self._plans[inputs.shape] = _with_last_readings(steps, self._output)
        return values[self._output]

    def _bind(self, node: onnx.NodeProto, place: int, name: str, known: Mapping[str, Tensor]) -> str | Tensor | None:
        """Return what stands for an input in a plan: its name where it is made at each run, otherwise its value."""
        if not name:
            return None
        if name not in known:
            return name
        is_choice = node.op_type == "Gather" and place == 1 and known[name].dim() == 0
        if is_choice or place in ON_HOST.get(node.op_type, ()):
            return known[name]
        if name not in self._known:
            return known[name].to(self._device)
        if name not in self._on_device:
            self._on_device[name] = self._placed(known[name], node, place)
        return self._on_device[name]

    def _placed(self, weight: Tensor, node: onnx.NodeProto, place: int) -> Tensor:
        """Move a weight to the device; kernels of convolutions lie there as pictures do, channels last."""
        if node.op_type == "Conv" and place == 1 and weight.dim() == 4:
            return weight.to(self._device).contiguous(memory_format=torch.channels_last)
        return weight.to(self._device)


def _bound(values: Mapping[str, Tensor], inputs: Iterable[str | Tensor | None]) -> list[Tensor | None]:
    return [values[one] if isinstance(one, str) else one for one in inputs]


def _store(values: dict[str, Tensor], names: Iterable[str], results: Any) -> None:
    values.update(zip(names, results if isinstance(results, tuple) else (results,), strict=False))


def _with_last_readings(steps: list[_Step], output: str) -> list[_Step]:
    """Return `steps`, each with the values that nobody needs after it: activations are let go as soon as can be."""
    names = [([one for one in step.inputs if isinstance(one, str)], step.outputs) for step in steps]
    return [replace(step, last_readings=last) for step, last in zip(steps, _last_readings(names, output), strict=True)]


def _last_readings(steps: Sequence[tuple[Iterable[str], Iterable[str]]], output: str) -> list[tuple[str, ...]]:
    """Return for each step, given as the names of its inputs and outputs, those that no later step reads."""
    needed, done = {output}, []
    for inputs, outputs in reversed(steps):
        names = {*inputs, *outputs}
        done.append(tuple(names - needed))
        needed |= names
    return done[::-1]
