"""Every backend that this machine can run gives the same vectors for the same inputs, and the same kind of refusal."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from encoders import onnx_runtime, pytorch
from encoders.address import load, load_runtime
from encoders.backends import BACKENDS, missing, runnable
from encoders.check import AGREEMENT_AT_LEAST, compare
from encoders.encoder import Encoder
from encoders.errors import EncoderError
from encoders.lookup import SHIPPED
from encoders.machine import look
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
