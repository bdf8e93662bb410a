"""Which backend runs an encoder: the address names one (`pico-1#torch`), or the machine decides. Pure; nothing is imported."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from encoders.errors import EncoderError

MARK: Final = "#"


@dataclass(frozen=True)
class Backend:
    """One way to run a model folder, and what it takes; `install` is what pip is given for it.

    `preferred` ones are taken on a GPU without being named, the first in the table before the others.
    """

    module: str
    packages: tuple[str, ...]
    install: str
    needs_gpu: bool = False
    preferred: bool = False


BACKENDS: Final[Mapping[str, Backend]] = {
    "tensorrt": Backend(
        "encoders.tensorrt",
        packages=("tensorrt_libs", "tensorrt_bindings", "torch", "onnx"),
        install="'framebus[tensorrt]' tensorrt-cu13-libs",
        needs_gpu=True,
        preferred=True,
    ),
    "torch": Backend("encoders.pytorch", packages=("torch", "onnx"), install="'framebus[pytorch]'", preferred=True),
    "onnx": Backend("encoders.onnx_runtime", packages=("onnxruntime",), install="'framebus[encoders]'"),
    "openvino": Backend("encoders.openvino", packages=("openvino",), install="'framebus[openvino]'"),
}
DEFAULT: Final = "onnx"


@dataclass(frozen=True)
class Description:
    """A backend as it runs here. `precision` is what it computes in: fp32, bf16 or fp16."""

    name: str
    version: str
    device: str
    precision: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}, {self.device}, {self.precision}"


@dataclass(frozen=True)
class Machine:
    """What a backend can count on here. `gpu` is a CUDA device, `cuda_torch` a torch that was built for one."""

    packages: frozenset[str]
    gpu: bool = False
    cuda_torch: bool = False


def on_cpu(threads: int) -> str:
    """Return the device of a backend that computes with the processor."""
    return f"CPU, {threads} thread{'s' if threads != 1 else ''}"


def split(address: str) -> tuple[str, str | None]:
    """Return the model and the backend that `address` names, None where it names none; raises `EncoderError` for another word.

    A folder with `#` in its path is told from a backend by naming one: `/models/a#b#onnx`.
    """
    model, mark, name = address.rpartition(MARK)
    if not mark:
        return address, None
    if name not in BACKENDS:
        raise EncoderError(f"encoder {address!r}: backend {name!r}: expected one of {', '.join(BACKENDS)} after the {MARK}")
    return model, name


def choose(named: str | None, machine: Machine) -> str:
    """Return the backend for `machine`: the named one, else the best that its GPU has, else ONNX Runtime.

    Raises `EncoderError` where the named one cannot run; nothing is tried in its place.
    """
    if named is None:
        return next((name for name, backend in BACKENDS.items() if backend.preferred and _on_gpu(backend, machine)), DEFAULT)
    lacking = missing(named, machine)
    if lacking:
        raise EncoderError(
            f"backend {named!r} cannot run here: {lacking}; without {MARK}{named} this machine takes its own choice"
        )
    return named


def runnable(machine: Machine) -> tuple[str, ...]:
    """Return every backend that can run here."""
    return tuple(name for name in BACKENDS if missing(name, machine) is None)


def missing(name: str, machine: Machine) -> str | None:
    """Return what a backend lacks on `machine`, with the way to get it; None where it lacks nothing."""
    backend = BACKENDS[name]
    absent = [package for package in backend.packages if package not in machine.packages]
    if absent:
        return f"{' and '.join(absent)} {'is' if len(absent) == 1 else 'are'} not installed (pip install {backend.install})"
    if backend.needs_gpu and not machine.gpu:
        return "there is no CUDA device (no /dev/nvidia0, or CUDA_VISIBLE_DEVICES hides it)"
    if backend.needs_gpu and not machine.cuda_torch:
        return "the torch that is installed was built without CUDA"
    return None


def _on_gpu(backend: Backend, machine: Machine) -> bool:
    return machine.gpu and machine.cuda_torch and machine.packages.issuperset(backend.packages)
