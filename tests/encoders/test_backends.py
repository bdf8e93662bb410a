"""Every backend that this machine can run gives the same vectors for the same inputs, and the same kind of refusal."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from encoders import onnx_runtime, pytorch
from encoders.address import load, load_runtime
from encoders.backends import BACKENDS, missing, runnable
from encoders.check import AGREEMENT_AT_LEAST, compare
from encoders.encoder import Encoder
from encoders.errors import EncoderError
from encoders.lookup import SHIPPED
from encoders.machine import look
from encoders.onnx_to_torch.fusion import fuse
from encoders.onnx_to_torch.graph import TorchGraph
from framebus.cli import main
from tests.encoders.test_folder import cut, drop_normalisation, rename_output
from tests.servers import absent
from tests.tiny_model import image_vectors, image_weights, make_tiny_model

OF_THE_DEVELOPERS = ("onnx", "openvino", "torch")
"""What `make develop` installs; TensorRT takes part where there is a GPU."""
here = [name for name in BACKENDS if name in OF_THE_DEVELOPERS or missing(name, look()) is None]


@pytest.fixture(params=here)
def backend(request: pytest.FixtureRequest) -> str:
    lacking = missing(request.param, look())
    if lacking:
        absent(f"{request.param}: {lacking}")
    return str(request.param)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


def in_backend(folder: Path | str, backend: str) -> Encoder:
    return load(f"{folder}#{backend}", threads=1)


def noise(n: int, size: int = 32) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(5).integers(0, 256, (n, size, size, 3), dtype=np.uint8)


def test_vectors_equal_a_recomputation(folder: Path, backend: str) -> None:
    encoder, pixels = in_backend(folder, backend), noise(9)
    vectors = encoder.embed_images(pixels)
    assert vectors.dtype == np.float32
    cosines = (vectors * image_vectors(image_weights(folder), pixels)).sum(axis=1)
    assert cosines.min() >= AGREEMENT_AT_LEAST[encoder.precision]
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-5


def test_the_shipped_towers_agree_with_onnx_runtime(backend: str) -> None:
    agreement = compare(in_backend("pico-1", "onnx"), in_backend("pico-1", backend))
    assert agreement.images.least >= agreement.at_least
    assert agreement.texts is not None
    assert agreement.texts.least >= agreement.at_least


def test_any_number_of_pictures_comes_out_in_order(folder: Path, backend: str) -> None:
    encoder, pixels = in_backend(folder, backend), noise(70)
    pixels.setflags(write=False)
    whole = encoder.embed_images(pixels)
    parts = [encoder.embed_images(pixels[a:b]) for a, b in ((0, 1), (1, 4), (4, 37), (37, 70))]
    assert (whole * np.concatenate(parts)).sum(axis=1).min() >= AGREEMENT_AT_LEAST[encoder.precision]


def test_several_threads_may_ask_at_once(folder: Path, backend: str) -> None:
    encoder, pixels = in_backend(folder, backend), noise(24)
    encoder.warm(texts=True)
    alone = [encoder.embed_images(pixels[i : i + 3]) for i in range(0, 24, 3)]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda i: encoder.embed_images(pixels[i : i + 3]), range(0, 24, 3)))
    assert all((one == other).all() for one, other in zip(alone, together, strict=True))


def test_a_backend_says_what_it_is_and_how_it_computes(folder: Path, backend: str) -> None:
    encoder = in_backend(folder, backend)
    assert encoder.backend.endswith(f", {encoder.precision}")
    assert len(encoder.backend.split(", ")) >= 3


def edit_image(folder: Path, change: Callable[[onnx.GraphProto], object]) -> None:
    model = onnx.load(folder / "image.onnx")
    change(model.graph)
    onnx.save(model, folder / "image.onnx")


def take_floats(graph: onnx.GraphProto) -> None:
    graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT


def take_narrow_pictures(graph: onnx.GraphProto) -> None:
    del graph.input[0].type.tensor_type.shape.dim[1:]
    for size in (16, 16, 3):
        graph.input[0].type.tensor_type.shape.dim.add(dim_value=size)


def break_weights(graph: onnx.GraphProto) -> None:
    weights = next(one for one in graph.initializer if one.name == "weights")
    weights.CopyFrom(numpy_helper.from_array(np.full((48, 32), np.nan, np.float32), "weights"))


def move_weights(folder: Path, location: str, kept_bytes: int | None = None) -> None:
    """Leave the weights of the image tower in a file beside it, say that they lie at `location`, and cut the file off."""
    model = onnx.load(folder / "image.onnx")
    weights = next(one for one in model.graph.initializer if one.name == "weights")
    (folder / "weights.bin").write_bytes(weights.raw_data[:kept_bytes])
    (folder.parent / "weights.bin").write_bytes(weights.raw_data)
    for key, value in (("location", location), ("offset", "0"), ("length", str(len(weights.raw_data)))):
        weights.external_data.add(key=key, value=value)
    weights.data_location = TensorProto.EXTERNAL
    weights.ClearField("raw_data")
    (folder / "image.onnx").write_bytes(model.SerializeToString())


BREAKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (lambda f: cut(f, "image.onnx"), "image.onnx: cannot be loaded"),
    "empty": (lambda f: (f / "image.onnx").write_bytes(b""), "image.onnx: empty"),
    "zeros": (lambda f: (f / "image.onnx").write_bytes(bytes(4096)), "image.onnx: cannot be loaded"),
    "a picture": (lambda f: (f / "image.onnx").write_bytes(b"\xff\xd8\xff" * 100), "image.onnx: cannot be loaded"),
    "float pixels": (lambda f: edit_image(f, take_floats), "image.onnx: cannot be (run|loaded)"),
    "other pictures": (lambda f: edit_image(f, take_narrow_pictures), "image.onnx: cannot be (run|loaded)"),
    "other output": (rename_output, "image.onnx: no output 'image_embeds'; it has 'embeds'"),
    "any length": (drop_normalisation, "image.onnx: gives vectors of length"),
    "NaN": (lambda f: edit_image(f, break_weights), "image.onnx: gives vectors with NaN"),
    "truncated text tower": (lambda f: cut(f, "text.onnx"), "text.onnx: cannot be loaded"),
    "weights missing": (lambda f: move_weights(f, "absent.bin"), "image.onnx: cannot be loaded"),
    "weights cut off": (lambda f: move_weights(f, "weights.bin", 100), "image.onnx: cannot be loaded"),
    "weights outside": (lambda f: move_weights(f, "../weights.bin"), "image.onnx: cannot be loaded"),
    "weights at a path": (lambda f: move_weights(f, str(f.parent / "weights.bin")), "image.onnx: cannot be loaded"),
}  # fmt: skip


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_tower_says_what_is_wrong_and_where(folder: Path, tmp_path: Path, backend: str, name: str) -> None:
    act, message = BREAKS[name]
    broken = Path(shutil.copytree(folder, tmp_path / "model"))
    act(broken)
    with pytest.raises(EncoderError, match=message):
        in_backend(broken, backend).warm(texts=True)


def test_weights_may_lie_in_a_file_beside_the_tower(folder: Path, tmp_path: Path, backend: str) -> None:
    apart = Path(shutil.copytree(folder, tmp_path / "model"))
    move_weights(apart, "weights.bin")
    cosines = in_backend(apart, backend).embed_images(noise(3)) * in_backend(folder, "onnx").embed_images(noise(3))
    assert cosines.sum(axis=1).min() >= AGREEMENT_AT_LEAST["bf16"]


def test_an_image_only_folder_answers_pictures(tmp_path: Path, backend: str) -> None:
    encoder = in_backend(make_tiny_model(tmp_path / "images", text=False), backend)
    encoder.warm(texts=True)
    assert encoder.embed_images(noise(1)).shape == (1, 32)


def test_openvino_reports_to_nobody() -> None:
    script = (
        "import sys, threading; import encoders.openvino; "
        "print(sorted(name for name in sys.modules if name.startswith('openvino_telemetry.')), threading.active_count())"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout == b"[] 1\n"


# --- PyTorch: graphs, operator by operator ---


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
    nodes: list[onnx.NodeProto], x: npt.NDArray[np.generic], opset: int = 18, **weights: npt.NDArray[np.generic]
) -> tuple[Arrays, list[str]]:
    """Return what ONNX Runtime and PyTorch make of a graph, and the kinds of nodes that PyTorch was left with."""
    model = onnx.shape_inference.infer_shapes(graph_of(nodes, x, weights, opset))
    (there,) = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(["y"], {"x": x})
    fused = fuse(model)
    graph = TorchGraph(fused, Path("g.onnx"), "x", "y", torch.device("cpu"))
    first, again = (graph(torch.from_numpy(x)).numpy() for _ in range(2))
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


@pytest.mark.parametrize("name", [*OPERATORS, *NEWER])
def test_an_operator_gives_what_onnx_runtime_gives(name: str) -> None:
    made, x, weights = OPERATORS[name] if name in OPERATORS else NEWER[name]
    (there, here_), _ = run_both([made], x, 18 if name in OPERATORS else 21, **weights)
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


@pytest.mark.parametrize("guarded", [False, True])
@pytest.mark.parametrize("root_scaled", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_attention_is_recognised_however_it_was_taken_apart(guarded: bool, root_scaled: bool, masked: bool) -> None:
    mask = np.triu(np.full((5, 5), -np.inf, np.float32), 1)
    (there, here_), kinds = run_both(
        attention(guarded=guarded, root_scaled=root_scaled, masked=masked), ROWS,
        wq=floats(8, 8), bq=floats(8), heads=ints(0, 0, 2, 4), joined=ints(0, 0, 8), mask=mask,
        scale=np.array(0.5, np.float32), root=np.array(0.5**0.5, np.float32), zero=np.array(0, np.float32),
    )  # fmt: skip
    assert np.allclose(there, here_, atol=1e-5)
    assert "Linear" in kinds
    recognised = "FusedAttention" in kinds and not {"Softmax", "IsNaN", "MatMul"}.intersection(kinds)
    assert recognised is masked, "an Identity in between is left as it is"


@pytest.mark.parametrize("joined", [False, True])
def test_attention_of_opset_23_is_run_as_it_is(joined: bool) -> None:
    if joined:
        nodes = [helper.make_node("Attention", ["x", "x", "x"], ["y"], q_num_heads=2, kv_num_heads=2, is_causal=1)]
    else:
        split = helper.make_node("Reshape", ["x", "heads"], ["h"])
        nodes = [split, helper.make_node("Attention", ["h", "h", "h", "mask"], ["y"], scale=0.3)]
    weights: dict[str, npt.NDArray[np.generic]] = {} if joined else {"heads": ints(0, 2, 5, 4), "mask": floats(5, 5)}
    (there, here_), _ = run_both(nodes, ROWS, 23, **weights)
    assert np.allclose(there, here_, atol=1e-5)


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


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_a_tower_is_run_in_the_precision_that_is_asked_for(precision: str) -> None:
    side, _ = load("pico-1", threads=1).image_size
    for tower, names, rows in (
        ("image", ("pixels", "image_embeds"), noise(4, side)),
        ("text", ("input_ids", "text_embeds"), np.random.default_rng(2).integers(1, 300, (4, 24))),
    ):
        path = SHIPPED / "pico-1" / f"{tower}.onnx"
        open_it = partial(pytorch.open_tower, path, input_name=names[0], output_name=names[1], threads=1)
        there = onnx_runtime.open_tower(path, input_name=names[0], output_name=names[1], threads=1).run(rows)
        vectors = open_it(precision=precision).run(rows)
        assert (there * vectors).sum(axis=1).min() >= AGREEMENT_AT_LEAST[precision]
        assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-5


# --- `framebus encoder check` and `bench` ---


def test_the_check_holds_a_backend_against_others(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["encoder", "check", f"{folder}#onnx", "--against", "torch", "--seconds", "0", "--threads", "1"]) == 0
    said = capsys.readouterr().out
    assert "images, against PyTorch" in said
    assert "texts, against PyTorch" in said
    assert "memory" in said
    assert "usable" in said


def test_the_check_tells_of_a_backend_that_is_not_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["encoder", "check", str(folder), "--against", "coreml", "--seconds", "0"]) == 1
    assert "expected one of" in capsys.readouterr().err


def test_the_bench_measures_each_backend_in_a_process_of_its_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["encoder", "bench", f"{folder}#onnx", "--seconds", "0", "--threads", "1"]
    assert main([*words, "--json"]) == 0
    (measured,) = json.loads(capsys.readouterr().out)
    assert measured["backend"] == "onnx"
    assert [speed["batch_size"] for speed in measured["images"]] == [1, 8, 32, 64]
    assert [speed["batch_size"] for speed in measured["texts"]] == [1, 8, 32, 64]
    assert 10e6 < measured["memory_bytes"] < 1e9
    assert main(words) == 0
    assert "images a second, batch 64" in capsys.readouterr().out


def test_the_bench_tells_why_a_backend_cannot_run(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = Path(shutil.copytree(folder, tmp_path / "model"))
    cut(broken, "image.onnx")
    assert main(["encoder", "bench", f"{broken}#onnx", "--seconds", "0"]) == 1
    assert "onnx: " in (said := capsys.readouterr().err)
    assert "image.onnx: cannot be loaded" in said
    assert main(["encoder", "bench", str(tmp_path / "absent")]) == 1


def test_every_backend_that_runs_here_is_tried_here() -> None:
    assert set(runnable(look())) <= set(here)
    assert all(callable(load_runtime(name).open_tower) for name in runnable(look()))
