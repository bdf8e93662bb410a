"""Which backend runs is said by the address or decided by the machine, aloud, and nothing is tried in its place."""

import subprocess
import sys

import pytest

from encoders.address import load_runtime
from encoders.backends import BACKENDS, Machine, choose, runnable, split
from encoders.errors import EncoderError
from encoders.lookup import find_folder

EVERYTHING = frozenset(package for backend in BACKENDS.values() for package in backend.packages)
LAPTOP = Machine(frozenset({"onnxruntime"}))


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("pico-1", ("pico-1", None)),
        ("pico-1#torch", ("pico-1", "torch")),
        ("/models/mine#tensorrt", ("/models/mine", "tensorrt")),
        ("hf:google/siglip2-base-patch16-224@main#onnx", ("hf:google/siglip2-base-patch16-224@main", "onnx")),
        ("/models/a#b#onnx", ("/models/a#b", "onnx")),
    ],
)
def test_an_address_ends_in_a_backend_or_in_none(address: str, parts: tuple[str, str | None]) -> None:
    assert split(address) == parts


def test_a_backend_that_nobody_knows_is_told_with_those_that_there_are() -> None:
    with pytest.raises(EncoderError, match="'pico-1#coreml': backend 'coreml': expected one of tensorrt, torch, onnx, openvino"):
        split("pico-1#coreml")


def test_who_needs_only_the_folder_reads_over_the_backend() -> None:
    assert find_folder("pico-1#torch").space == find_folder("pico-1").space


@pytest.mark.parametrize(
    ("machine", "chosen"),
    [
        (LAPTOP, "onnx"),
        (Machine(EVERYTHING), "onnx"),
        (Machine(EVERYTHING, gpu=True), "onnx"),
        (Machine(EVERYTHING, gpu=True, cuda_torch=True), "tensorrt"),
        (Machine(EVERYTHING - {"tensorrt_libs"}, gpu=True, cuda_torch=True), "torch"),
        (Machine(frozenset({"onnxruntime"}), gpu=True), "onnx"),
    ],
)
def test_without_a_name_a_gpu_gets_the_best_that_is_installed_and_a_cpu_onnx_runtime(machine: Machine, chosen: str) -> None:
    assert choose(None, machine) == chosen


@pytest.mark.parametrize(
    ("named", "machine", "reason"),
    [
        ("torch", LAPTOP, r"'torch' cannot run here: torch and onnx are not installed \(pip install 'framebus\[pytorch\]'\)"),
        ("openvino", LAPTOP, r"openvino is not installed \(pip install 'framebus\[openvino\]'\)"),
        ("tensorrt", Machine(EVERYTHING - {"tensorrt_libs"}, True, True), "tensorrt_libs is not installed.*tensorrt-cu13-libs"),
        ("tensorrt", Machine(EVERYTHING), "there is no CUDA device"),
        ("tensorrt", Machine(EVERYTHING, gpu=True), "built without CUDA"),
    ],
)
def test_a_named_backend_that_cannot_run_says_what_is_missing(named: str, machine: Machine, reason: str) -> None:
    with pytest.raises(EncoderError, match=reason):
        choose(named, machine)
    assert named not in runnable(machine)


@pytest.mark.parametrize("name", BACKENDS)
def test_a_named_backend_is_taken_where_it_can_run(name: str) -> None:
    assert choose(name, Machine(EVERYTHING, gpu=True, cuda_torch=True)) == name


def test_bindings_without_their_libraries_are_told_as_a_backend_that_cannot_run() -> None:
    if "tensorrt_libs" in sys.modules:
        pytest.skip("TensorRT is installed whole")
    with pytest.raises(EncoderError, match=r"backend 'tensorrt' cannot run here: .*libnv"):
        load_runtime("tensorrt")


def test_without_a_gpu_no_service_pays_for_a_runtime_that_it_does_not_use() -> None:
    script = (
        "import sys; from encoders.address import load; load('pico-1#onnx', threads=1).warm(texts=True); "
        "print(sorted({'torch', 'onnx', 'openvino', 'transformers'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout == b"[]\n"
