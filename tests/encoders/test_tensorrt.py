"""What can be said of the TensorRT backend without a GPU: its calls exist, its graphs are right, its plans are kept well."""

import ast
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from encoders.batch_sizes import BUCKETS, bucket_of, pieces
from encoders.errors import EncoderError
from encoders.folder import read_folder
from encoders.lookup import SHIPPED
from encoders.onnx_file import onnx_digest, read_onnx
from encoders.precision import lowered
from encoders.tensorrt_plan import Plan, Profile, cast_first, engines_folder, load_or_build, profile_of
from tests.servers import absent

PICO = SHIPPED / "pico-1"
STUB = Path(__file__).parents[2] / "stubs/tensorrt_bindings/__init__.pyi"
SIDES = read_folder(PICO).card.image_size[::-1]
PLAN = Plan("00ff", "11.4.0", "NVIDIA H100", (9, 0), "fp16", Profile((1, 8, 8, 3), (32, 8, 8, 3), (64, 8, 8, 3)))
IMAGE = {"input_name": "pixels", "output_name": "image_embeds"}
TEXT = {"input_name": "input_ids", "output_name": "text_embeds"}

NATIVE = """
void *createInferBuilder_INTERNAL(void) { return 0; } void *createInferRefitter_INTERNAL(void) { return 0; }
void *createInferRuntime_INTERNAL(void) { return 0; } void *createNvOnnxParserRefitter_INTERNAL(void) { return 0; }
void *createNvOnnxParser_INTERNAL(void) { return 0; } int getNvOnnxParserVersion(void) { return 0; }
void *getPluginRegistry(void) { return 0; } void *getBuilderPluginRegistry(void) { return 0; }
int initLibNvInferPlugins(void) { return 0; }
"""
"""All that the bindings link to. The libraries proper are gigabytes; what the bindings offer is seen without them."""

SIGNATURES = """
import inspect, json, sys
import tensorrt_bindings as trt
for line in sys.stdin:
    owner, name = line.split()
    print(json.dumps((owner, name, getattr(getattr(trt, owner), name).__doc__ or "")))
"""


@pytest.fixture(scope="module")
def bindings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with stand-ins for the native libraries."""
    if shutil.which("cc") is None:
        absent("no C compiler")
    folder = tmp_path_factory.mktemp("native")
    (folder / "native.c").write_text(NATIVE)
    for name in ("nvinfer", "nvinfer_plugin", "nvonnxparser"):
        library = folder / f"lib{name}.so.11"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(folder / "native.c")], check=True)
    return folder


def stub_methods() -> list[tuple[str, str, list[str]]]:
    """Return class, method and the names of its parameters, as the stub has them; for what is no method, no parameters."""
    found = []
    for owner in ast.parse(STUB.read_text()).body:
        if isinstance(owner, ast.ClassDef) and owner.name != "Dims":
            for member in owner.body:
                if isinstance(member, ast.FunctionDef) and member.name not in ("__buffer__", "__int__"):
                    found.append((owner.name, member.name, [one.arg for one in member.args.args[1:]]))
                elif isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name):
                    found.append((owner.name, member.target.id, []))
    return found


def test_every_call_that_the_stub_allows_is_one_of_tensorrts_own_bindings(bindings: Path) -> None:
    methods = stub_methods()
    asked = "".join(f"{owner} {name}\n" for owner, name, _ in methods)
    done = subprocess.run(
        [sys.executable, "-c", SIGNATURES],
        check=False, input=asked, capture_output=True, text=True, env={**os.environ, "LD_LIBRARY_PATH": str(bindings)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(methods) >= 20
    for line, (owner, name, parameters) in zip(done.stdout.splitlines(), methods, strict=True):
        for parameter in parameters:
            assert f"{parameter}: " in line, f"{owner}.{name} has no parameter {parameter}: {line}"


def test_a_strongly_typed_graph_is_half_precision_inside_and_single_at_its_ends() -> None:
    graph = cast_first(lowered(read_onnx(PICO / "image.onnx", **IMAGE), TensorProto.FLOAT16), "pixels")
    onnx.checker.check_model(graph, full_check=True)
    assert graph.graph.output[0].type.tensor_type.elem_type == TensorProto.FLOAT
    pixels_go_to = [node.op_type for node in graph.graph.node if "pixels" in node.input]
    assert pixels_go_to == ["Cast"]
    types = {tensor.name: tensor.data_type for tensor in graph.graph.initializer}
    kernels = [types[node.input[1]] for node in graph.graph.node if node.op_type == "Conv" and node.input[1] in types]
    assert set(kernels) <= {TensorProto.FLOAT16}


@pytest.mark.parametrize("tower", ["image", "text"])
def test_a_half_precision_graph_gives_the_same_vectors(tower: str) -> None:
    names = IMAGE if tower == "image" else TEXT
    path = PICO / f"{tower}.onnx"
    graph = lowered(read_onnx(path, **names), TensorProto.FLOAT16)
    rng = np.random.default_rng(0)
    pixels, ids = rng.integers(0, 256, (4, *SIDES, 3), dtype=np.uint8), rng.integers(1, 400, (4, 24))
    fed = {names["input_name"]: pixels if tower == "image" else ids}
    providers = ["CPUExecutionProvider"]
    half = ort.InferenceSession(graph.SerializeToString(), providers=providers).run(None, fed)[0]
    full = ort.InferenceSession(path, providers=providers).run(None, fed)[0]
    assert (half * full).sum(axis=1).min() > 0.9995
    assert np.abs(np.linalg.norm(half, axis=1) - 1).max() < 1e-5


def test_a_mask_below_the_range_of_half_precision_stays_a_number() -> None:
    lowest = np.array([[0.0, np.finfo(np.float32).min]], np.float32)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["s"]), helper.make_node("Add", ["s", "mask"], ["m"])]
    nodes += [helper.make_node("MatMul", ["m", "w"], ["y"])]
    weights = [numpy_helper.from_array(np.eye(2, dtype=np.float32), "w"), numpy_helper.from_array(lowest, "mask")]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 2]) for name in ("x", "y"))
    model = helper.make_model(helper.make_graph(nodes, "g", [x], [y], weights), opset_imports=[helper.make_opsetid("", 18)])
    half = lowered(onnx.shape_inference.infer_shapes(model), TensorProto.FLOAT16)
    masks = [numpy_helper.to_array(one) for one in half.graph.initializer if "mask" in one.name]
    assert [float(mask.min()) for mask in masks] == [-65504.0]


def test_the_profile_is_of_one_to_sixty_four_pictures_or_prompts() -> None:
    images = profile_of(read_onnx(PICO / "image.onnx", **IMAGE), "pixels", PICO / "image.onnx")
    assert images == Profile((1, *SIDES, 3), (32, *SIDES, 3), (64, *SIDES, 3))
    texts = profile_of(read_onnx(PICO / "text.onnx", **TEXT), "input_ids", PICO / "text.onnx")
    assert texts == Profile((1, 24), (4, 24), (64, 24))


def test_a_tower_with_open_sizes_has_no_profile() -> None:
    model = read_onnx(PICO / "image.onnx", **IMAGE)
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "height"
    with pytest.raises(EncoderError, match=r"image.onnx: input 'pixels': expected \[n, ...\] with every size but n fixed"):
        profile_of(model, "pixels", PICO / "image.onnx")


def test_a_plan_has_another_name_for_whatever_it_depends_on() -> None:
    others = [
        replace(PLAN, onnx_sha256="00fe"), replace(PLAN, tensorrt="11.4.1"), replace(PLAN, gpu="NVIDIA H200"),
        replace(PLAN, compute_capability=(8, 9)), replace(PLAN, precision="bf16"), replace(PLAN, build_level=5),
        replace(PLAN, profile=Profile((1, 8, 8, 3), (16, 8, 8, 3), (64, 8, 8, 3))), replace(PLAN, recipe=0),
    ]  # fmt: skip
    assert len({plan.file_name for plan in [PLAN, *others]}) == len(others) + 1
    assert replace(PLAN).file_name == PLAN.file_name


def test_the_digest_counts_weights_that_lie_in_a_file_of_their_own(tmp_path: Path) -> None:
    model = onnx.load(PICO / "image.onnx")
    onnx.save_model(model, tmp_path / "image.onnx", save_as_external_data=True, location="weights.bin")
    before = onnx_digest(tmp_path / "image.onnx")
    weights = bytearray((tmp_path / "weights.bin").read_bytes())
    weights[-1] ^= 1
    (tmp_path / "weights.bin").write_bytes(weights)
    assert onnx_digest(tmp_path / "image.onnx") != before


def test_a_plan_is_built_once_and_again_when_it_is_not_taken(tmp_path: Path) -> None:
    folder = tmp_path / "engines"
    built: list[int] = []

    def build() -> bytes:
        built.append(1)
        return b"plan"

    def load(content: bytes) -> str | None:
        return "engine" if content == b"plan" else None

    for _ in range(2):
        assert load_or_build(folder, "a.plan", load, build) == "engine"
    assert len(built) == 1
    (folder / "a.plan").write_bytes(b"of another version")
    assert load_or_build(folder, "a.plan", load, build) == "engine"
    assert len(built) == 2
    assert (folder / "a.plan").read_bytes() == b"plan"
    assert (folder.stat().st_mode & 0o777) == 0o700


def test_a_build_that_fails_leaves_no_plan(tmp_path: Path) -> None:
    def fail() -> bytes:
        raise EncoderError("no memory")

    with pytest.raises(EncoderError, match="no memory"):
        load_or_build(tmp_path / "engines", "a.plan", lambda _: "engine", fail)
    assert [path.name for path in (tmp_path / "engines").iterdir()] == [".a.plan.lock"]


def test_plans_are_not_read_where_others_can_write(tmp_path: Path) -> None:
    folder = tmp_path / "engines"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(EncoderError, match=r"others can write here.*FRAMEBUS_ENGINES names another"):
        load_or_build(folder, "a.plan", lambda _: "engine", lambda: b"")


def test_plans_lie_where_the_variable_says_or_in_the_users_cache(tmp_path: Path) -> None:
    assert engines_folder({"FRAMEBUS_ENGINES": str(tmp_path)}) == tmp_path
    assert engines_folder({"XDG_CACHE_HOME": "/cache"}) == Path("/cache/framebus/engines")
    assert engines_folder({}) == Path.home() / ".cache/framebus/engines"


def test_a_batch_is_cut_into_pieces_and_each_fits_its_bucket() -> None:
    rows = np.arange(150)
    cut = list(pieces(rows))
    assert [len(piece) for piece in cut] == [64, 64, 22]
    assert (np.concatenate(cut) == rows).all()
    assert [bucket_of(len(piece)) for piece in cut] == [64, 64, 32]
    for count in range(1, BUCKETS[-1] + 1):
        assert count <= bucket_of(count) < 2 * count
