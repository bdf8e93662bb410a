"""The converter to PyTorch: an operator gives what ONNX Runtime gives, attention is found again, the rest is refused by name."""

import weakref
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from encoders.errors import EncoderError
from encoders.onnx_to_torch.attributes import Attributes
from encoders.onnx_to_torch.fusion import fuse
from encoders.onnx_to_torch.graph import OPERATORS as RUN_HERE
from encoders.onnx_to_torch.graph import TorchGraph

DEVICES = ("cpu", *(["cuda"] if torch.cuda.is_available() else []))
Arrays = tuple[npt.NDArray[np.generic], ...]


def graph_of(
    nodes: list[onnx.NodeProto], x: npt.NDArray[np.generic], weights: dict[str, npt.NDArray[np.generic]], opset: int
) -> onnx.ModelProto:
    kind = helper.np_dtype_to_tensor_dtype(x.dtype)
    inputs = [helper.make_tensor_value_info("x", kind, ["n", *x.shape[1:]])]
    outputs = [helper.make_value_info("y", onnx.TypeProto())]
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()]
    made = helper.make_graph(nodes, "g", inputs, outputs, tensors)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def run_both(
    nodes: list[onnx.NodeProto],
    x: npt.NDArray[np.generic],
    opset: int = 18,
    device: str = "cpu",
    **weights: npt.NDArray[np.generic],
) -> tuple[Arrays, list[str]]:
    """Return what ONNX Runtime and PyTorch make of a graph, and the kinds of nodes that PyTorch was left with."""
    model = onnx.shape_inference.infer_shapes(graph_of(nodes, x, weights, opset))
    (there,) = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(["y"], {"x": x})
    fused = fuse(model)
    graph = TorchGraph(fused, Path("g.onnx"), "x", "y", torch.device(device))
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):  # convolutions of float32 as precise as anywhere
        first, again = (graph(torch.from_numpy(x).to(device)).cpu().numpy() for _ in range(2))
    assert (np.nan_to_num(first) == np.nan_to_num(again)).all()
    return (there, first), [node.op_type for node in fused.graph.node]


def node(kind: str, *others: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(kind, ["x", *others], ["y"], **attributes)


def ints(*values: int) -> npt.NDArray[np.int64]:
    return np.array(values, np.int64)


def floats(*shape: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


MAP, ROWS, BATCH = floats(2, 4, 6, 6), floats(2, 5, 8), floats(3, 8)
POSITIVE = np.abs(ROWS) + np.float32(0.1)
OPERATORS: dict[str, tuple[onnx.NodeProto, npt.NDArray[np.generic], dict[str, npt.NDArray[np.generic]]]] = {
    **{name: (node(name), ROWS, {}) for name in (
        "Abs", "Ceil", "Cos", "Erf", "Exp", "Floor", "Identity", "IsNaN", "Neg", "Reciprocal", "Relu", "Round", "Sigmoid", "Sign",
        "Sin", "Softmax", "LogSoftmax", "Softplus", "Tanh", "HardSwish", "Mish", "Elu", "LeakyRelu", "HardSigmoid",
        "Flatten", "Transpose", "LpNormalization",
    )},
    **{name: (node(name), POSITIVE, {}) for name in ("Log", "Sqrt")},
    **{name: (node(name, "w"), ROWS, {"w": floats(8)}) for name in (
        "Add", "Sub", "Mul", "Div", "Max", "Min", "Greater", "Less", "GreaterOrEqual", "LessOrEqual", "Equal", "PRelu",
    )},
    **{f"{name} of all": (node(name, keepdims=0), ROWS, {}) for name in ("ReduceMean", "ReduceMax", "ReduceProd")},
    **{name: (node(name, "axes", keepdims=0), POSITIVE, {"axes": ints(-1)}) for name in (
        "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare",
        "ReduceLogSumExp",
    )},
    "Pow": (node("Pow", "w"), POSITIVE, {"w": np.array(3, np.float32)}),
    "Div of whole numbers": (node("Div", "w"), ints(7, -7, 8).reshape(3, 1), {"w": ints(2)}),
    "Mod": (node("Mod", "w"), ints(7, -7, 8).reshape(3, 1), {"w": ints(3)}),
    "Cast": (node("Cast", to=TensorProto.INT64), ROWS * 10, {}),
    "Clip": (node("Clip", "low", "high"), ROWS, {"low": np.array(-0.5, np.float32), "high": np.array(0.5, np.float32)}),
    "Clip from below": (node("Clip", "low"), ROWS, {"low": np.array(0.1, np.float32)}),
    "Where": (helper.make_node("Where", ["w", "x", "v"], ["y"]), ROWS, {"w": floats(8) > 0, "v": floats(5, 8)}),
    "ArgMax": (node("ArgMax", axis=1, keepdims=0), ROWS, {}),
    "CumSum": (node("CumSum", "axis"), ROWS, {"axis": np.array(1, np.int64)}),
    "Reshape": (node("Reshape", "shape"), ROWS, {"shape": ints(0, -1, 4)}),
    "Squeeze": (node("Squeeze", "axes"), ROWS[:, :1], {"axes": ints(1)}),
    "Unsqueeze": (node("Unsqueeze", "axes"), ROWS, {"axes": ints(0, -1)}),
    "Expand": (node("Expand", "shape"), BATCH[:, None], {"shape": ints(1, 4, 8)}),
    "Tile": (node("Tile", "n"), ROWS, {"n": ints(1, 2, 1)}),
    "Concat": (node("Concat", "w", axis=2), ROWS, {"w": floats(2, 5, 3)}),
    "Slice": (node("Slice", "a", "b", "axes"), ROWS, {"a": ints(1, -6), "b": ints(4, 2**62), "axes": ints(1, 2)}),
    "Slice backwards": (node("Slice", "a", "b", "axes", "s"), ROWS, {
        "a": ints(-1), "b": ints(-(2**62)), "axes": ints(2), "s": ints(-2),
    }),
    "Slice by steps": (node("Slice", "a", "b", "axes", "s"), ROWS, {"a": ints(1), "b": ints(7), "axes": ints(2), "s": ints(3)}),
    "Slice of nothing": (node("Slice", "a", "b", "axes"), ROWS, {"a": ints(5), "b": ints(9), "axes": ints(1)}),
    "Gather one": (node("Gather", "i", axis=1), ROWS, {"i": np.array(-2, np.int64)}),
    "Gather": (node("Gather", "i", axis=1), ROWS, {"i": ints(-1, 0, 2, 2).reshape(2, 2)}),
    "Gather by input": (helper.make_node("Gather", ["w", "x"], ["y"]), ints(1, 0, -1).reshape(3, 1), {"w": floats(4, 8)}),
    "GatherND": (node("GatherND", "i"), ROWS, {"i": ints(0, 1, 1, 4).reshape(2, 2)}),
    "GatherElements": (node("GatherElements", "i", axis=1), BATCH, {"i": ints(0, -1, 3).reshape(3, 1)}),
    "Split": (helper.make_node("Split", ["x", "n"], ["a", "y"], axis=2), ROWS, {"n": ints(3, 5)}),
    "Split evenly": (helper.make_node("Split", ["x"], ["a", "y"], axis=2, num_outputs=2), ROWS, {}),
    "Trilu": (node("Trilu", upper=0), ROWS, {}),
    "Pad": (node("Pad", "p"), MAP, {"p": ints(0, 0, 1, 2, 0, 0, 3, 0)}),
    "Pad by reflection": (node("Pad", "p", mode="reflect"), MAP, {"p": ints(0, 0, 1, 2, 0, 0, 3, 0)}),
    "Einsum": (node("Einsum", "w", equation="bij,jk->bik"), ROWS, {"w": floats(8, 3)}),
    "MatMul": (node("MatMul", "w"), ROWS, {"w": floats(8, 3)}),
    "Gemm": (node("Gemm", "w", "b", transB=1), BATCH, {"w": floats(5, 8), "b": floats(5)}),
    "Gemm with factors": (node("Gemm", "w", "b", alpha=0.5, beta=2.0), BATCH, {"w": floats(8, 5), "b": floats(3, 5)}),
    "Conv": (node("Conv", "w", "b", pads=[1] * 4, strides=[2, 2]), MAP, {"w": floats(8, 4, 3, 3), "b": floats(8)}),
    "Conv by groups": (node("Conv", "w", group=4, dilations=[2, 2]), MAP, {"w": floats(4, 1, 2, 2)}),
    "Conv with uneven edges": (node("Conv", "w", pads=[0, 0, 1, 2]), MAP, {"w": floats(8, 4, 3, 3)}),
    "Conv of rows": (node("Conv", "w"), ROWS, {"w": floats(4, 5, 3)}),
    "MaxPool": (node("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4), MAP, {}),
    "AveragePool": (node("AveragePool", kernel_shape=[2, 2], strides=[2, 2], pads=[1] * 4), MAP, {}),
    "GlobalAveragePool": (node("GlobalAveragePool"), MAP, {}),
    "GlobalMaxPool": (node("GlobalMaxPool"), MAP, {}),
    "BatchNormalization": (node("BatchNormalization", "s", "b", "m", "v"), MAP, {
        "s": floats(4), "b": floats(4), "m": floats(4), "v": np.abs(floats(4)),
    }),
    "LayerNormalization": (node("LayerNormalization", "s", "b", axis=-1), ROWS, {"s": floats(8), "b": floats(8)}),
    "InstanceNormalization": (node("InstanceNormalization", "s", "b"), MAP, {"s": floats(4), "b": floats(4)}),
}  # fmt: skip
NEWER = {
    "Gelu": (node("Gelu"), ROWS, {}),
    "Gelu by tanh": (node("Gelu", approximate="tanh"), ROWS, {}),
    "GroupNormalization": (node("GroupNormalization", "s", "b", num_groups=2), MAP, {"s": floats(4), "b": floats(4)}),
}
"""Since opset 20 and 21."""


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", [*OPERATORS, *NEWER])
def test_an_operator_gives_what_onnx_runtime_gives(name: str, device: str) -> None:
    made, x, weights = OPERATORS[name] if name in OPERATORS else NEWER[name]
    (there, here_), _ = run_both([made], x, 18 if name in OPERATORS else 21, device, **weights)
    assert there.dtype == here_.dtype
    assert there.shape == here_.shape
    assert np.allclose(there.astype(np.float64), here_.astype(np.float64), rtol=1e-4, atol=1e-5)


def attention(*, guarded: bool, root_scaled: bool, masked: bool) -> list[onnx.NodeProto]:
    """Attention of x [n, 5, 8] with itself in two heads, as exporters write it."""
    make = helper.make_node
    nodes = [
        make("MatMul", ["x", "wq"], ["xq"]), make("Add", ["xq", "bq"], ["q1"]),
        make("Reshape", ["q1", "heads"], ["q2"]), make("Transpose", ["q2"], ["q"], perm=[0, 2, 1, 3]),
        make("Reshape", ["x", "heads"], ["k2"]), make("Transpose", ["k2"], ["kt"], perm=[0, 2, 3, 1]),
        make("Transpose", ["k2"], ["v"], perm=[0, 2, 1, 3]),
    ]  # fmt: skip
    if root_scaled:
        nodes += [make("Mul", ["q", "root"], ["qs"]), make("Mul", ["kt", "root"], ["ks"]), make("MatMul", ["qs", "ks"], ["s"])]
    else:
        nodes += [make("MatMul", ["q", "kt"], ["s0"]), make("Mul", ["s0", "scale"], ["s"])]
    nodes += [make("Add", ["s", "mask"], ["m"])] if masked else [make("Identity", ["s"], ["m"])]
    nodes += [make("Softmax", ["m"], ["p"], axis=-1)]
    if guarded:
        nodes += [make("IsNaN", ["p"], ["bad"]), make("Where", ["bad", "zero", "p"], ["pw"])]
    nodes += [make("MatMul", ["pw" if guarded else "p", "v"], ["o"]), make("Transpose", ["o"], ["o2"], perm=[0, 2, 1, 3])]
    return [*nodes, make("Reshape", ["o2", "joined"], ["y"])]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("guarded", [False, True])
@pytest.mark.parametrize("root_scaled", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_attention_is_recognised_however_it_was_taken_apart(guarded: bool, root_scaled: bool, masked: bool, device: str) -> None:
    mask = np.triu(np.full((5, 5), -np.inf, np.float32), 1)
    (there, here_), kinds = run_both(
        attention(guarded=guarded, root_scaled=root_scaled, masked=masked), ROWS, device=device,
        wq=floats(8, 8), bq=floats(8), heads=ints(0, 0, 2, 4), joined=ints(0, 0, 8), mask=mask,
        scale=np.array(0.5, np.float32), root=np.array(0.5**0.5, np.float32), zero=np.array(0, np.float32),
    )  # fmt: skip
    assert np.allclose(there, here_, atol=1e-5)
    assert "Linear" in kinds
    recognised = "FusedAttention" in kinds and not {"Softmax", "IsNaN", "MatMul"}.intersection(kinds)
    assert recognised is masked, "an Identity in between is left as it is"


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("approximate", "kinds"), [("tanh", ["LinearGelu"]), ("none", ["Linear", "Gelu"])])
def test_a_layer_takes_its_activation_along_where_it_is_gelu_by_tanh(approximate: str, kinds: list[str], device: str) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["product"]), helper.make_node("Add", ["b", "product"], ["sum"]),
        helper.make_node("Gelu", ["sum"], ["y"], approximate=approximate),
    ]  # fmt: skip
    (there, here_), found = run_both(nodes, ROWS, 20, device, w=floats(8, 16), b=floats(16))
    assert found == kinds
    assert np.allclose(there, here_, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("joined", [False, True])
def test_attention_of_opset_23_is_run_as_it_is(joined: bool) -> None:
    if joined:
        nodes = [helper.make_node("Attention", ["x", "x", "x"], ["y"], q_num_heads=2, kv_num_heads=2, is_causal=1)]
    else:
        split = helper.make_node("Reshape", ["x", "heads"], ["h"])
        nodes = [split, helper.make_node("Attention", ["h", "h", "h", "mask"], ["y"], scale=0.3)]
    weights: dict[str, npt.NDArray[np.generic]] = {} if joined else {"heads": ints(0, 2, 5, 4), "mask": floats(5, 5)}
    (there, here_), _ = run_both(nodes, ROWS, 23, "cpu", **weights)
    assert np.allclose(there, here_, atol=1e-5)


def test_activations_are_let_go_while_a_shape_is_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[weakref.ref[torch.Tensor]] = []
    alive: list[int] = []

    def negated(_: Attributes, x: torch.Tensor) -> torch.Tensor:
        result = -x
        made.append(weakref.ref(result))
        alive.append(sum(one() is not None for one in made))
        return result

    monkeypatch.setitem(cast("dict[str, object]", RUN_HERE), "Neg", negated)
    layers = 20
    names = ["x", *(f"v{place}" for place in range(1, layers)), "y"]
    nodes = [helper.make_node("Neg", [before], [after]) for before, after in pairwise(names)]
    graph = TorchGraph(graph_of(nodes, ROWS, {}, 20), Path("g.onnx"), "x", "y", torch.device("cpu"))
    for _ in range(2):  # the run that plans, one that follows the plan
        alive.clear()
        assert graph(torch.from_numpy(ROWS)).equal(torch.from_numpy(ROWS))
        assert (len(alive), max(alive)) == (layers, 2)


def test_what_depends_on_the_number_of_rows_follows_it() -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["rows"], start=0, end=1), helper.make_node("Concat", ["rows", "one"], ["size"], axis=0),
        helper.make_node("Expand", ["token", "size"], ["tokens"]), helper.make_node("Concat", ["tokens", "x"], ["y"], axis=1),
    ]  # fmt: skip
    model = graph_of(nodes, BATCH, {"one": ints(1), "token": floats(1, 1)}, 18)
    graph = TorchGraph(model, Path("g.onnx"), "x", "y", torch.device("cpu"))
    for n in (3, 1, 3, 2):
        assert graph(torch.from_numpy(BATCH[:n])).shape == (n, 9)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (helper.make_node("Hardmax", ["x"], ["y"], name="last"), r"g.onnx: operator Hardmax \(node 'last'\).*#onnx does"),
        (helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft"), r"operator com.microsoft.Gelu \(node 'y'\)"),
        (node("MaxPool", kernel_shape=[2], auto_pad="SAME_UPPER"), "operator MaxPool: auto_pad 'SAME_UPPER'"),
    ],
)  # fmt: skip
def test_an_operator_that_pytorch_is_not_taught_is_named_with_its_node_and_file(made: onnx.NodeProto, message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        TorchGraph(graph_of([made], ROWS, {}, 20), Path("g.onnx"), "x", "y", torch.device("cpu"))(torch.from_numpy(ROWS))
