"""The OpenVINO backend: towers on a CPU, in bfloat16 where the CPU multiplies it."""

import sys
from pathlib import Path
from threading import local
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from encoders.backends import Description, on_cpu
from encoders.errors import EncoderError
from encoders.folder import Vectors
from encoders.machine import cpu_has_bf16

# Importing OpenVINO would report the import to its makers; where this package is not found it takes a stand-in that is silent.
sys.modules.update({"openvino_telemetry": None})  # type: ignore[dict-item]  # None: an import of it fails

import openvino as ov  # noqa: E402

DEVICE: Final = "CPU"
HINTS: Final = {"bf16": "bf16", "fp32": "f32"}
NEARLY: Final = 0.1
INPUT_TYPES: Final = {"pixels": ov.Type.u8, "input_ids": ov.Type.i64}


class OpenVinoTower:
    """One tower in OpenVINO: `inputs` [n, ...] in, float32 [n, dimension] out."""

    def __init__(self, path: Path, *, input_name: str, output_name: str, threads: int) -> None:
        """Compile the graph at `path`; raises `EncoderError` for what is no graph or has other inputs and outputs."""
        self._path = path
        try:
            core = ov.Core()
            model = core.read_model(path)
            self._check("input", input_name, model.inputs)
            self._check("output", output_name, model.outputs)
            self._check_type(input_name, model.input(input_name).get_element_type())
            self._model = core.compile_model(model, DEVICE, _settings(threads))
        except RuntimeError as error:
            raise EncoderError(f"{path}: cannot be loaded: {_reason(error)}") from None
        self._input, self._output = input_name, output_name
        self._of_thread = local()

    def run(self, inputs: npt.NDArray[Any]) -> Vectors:
        """Return the vectors of a batch; raises `EncoderError` where the graph does not take it."""
        if not hasattr(self._of_thread, "request"):
            self._of_thread.request = self._model.create_infer_request()
        try:
            results = self._of_thread.request.infer({self._input: inputs}, share_inputs=True)
        except (RuntimeError, TypeError, ValueError) as error:
            raise EncoderError(f"{self._path}: cannot be run: {_reason(error)}") from None
        return _to_unit_length(np.asarray(results[self._output], np.float32))

    def _check(self, role: str, name: str, ports: list[Any]) -> None:
        names = [one for port in ports for one in sorted(port.get_names())]
        if name not in names:
            raise EncoderError(f"{self._path}: no {role} {name!r}; it has {', '.join(map(repr, names))}")

    def _check_type(self, name: str, found: ov.Type) -> None:
        if found != INPUT_TYPES[name]:
            expected = INPUT_TYPES[name].get_type_name()
            raise EncoderError(f"{self._path}: cannot be run: input {name!r} is {found.get_type_name()}: expected {expected}")


def describe(threads: int) -> Description:
    """Return what runs a tower here."""
    return Description("OpenVINO", ov.__version__.partition("-")[0], on_cpu(threads), _precision())


def device_memory_bytes() -> int | None:
    """Return None: towers lie in the memory of the process."""
    return None


def open_tower(path: Path, *, input_name: str, output_name: str, threads: int) -> OpenVinoTower:
    """Open one tower; the signature that every backend has."""
    return OpenVinoTower(path, input_name=input_name, output_name=output_name, threads=threads)


def _to_unit_length(vectors: Vectors) -> Vectors:
    """Return vectors at unit length that nearly have it: OpenVINO normalises with 2⁻²³ added under the root.

    Others are left as they are, for the encoder's check to find.
    """
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.where(np.abs(lengths - 1) < NEARLY, vectors / np.maximum(lengths, 1 - NEARLY), vectors)


def _precision() -> str:
    return "bf16" if cpu_has_bf16() else "fp32"


def _settings(threads: int) -> dict[str, Any]:
    return {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": HINTS[_precision()], "PERFORMANCE_HINT": "LATENCY"}


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[-300:]
