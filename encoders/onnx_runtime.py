"""The ONNX Runtime backend."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from encoders.backends import Description, on_cpu
from encoders.errors import EncoderError

FATAL_ONLY: Final = 4
FAILURES: Final[tuple[type[Exception], ...]] = tuple(
    value
    for value in vars(ort.capi.onnxruntime_pybind11_state).values()
    if isinstance(value, type) and issubclass(value, Exception)
)
"""The runtime's own exceptions share no class but Exception."""


class OnnxTower:
    """One tower in ONNX Runtime, on the CPU: `inputs` [n, ...] in, float32 [n, dimension] out."""

    def __init__(self, path: Path, *, input_name: str, output_name: str, threads: int) -> None:
        """Load the graph at `path`; raises `EncoderError` for what is no graph or has other inputs and outputs."""
        self._path, self._input, self._output = path, input_name, output_name
        with self._failures("cannot be loaded"):
            self._session = ort.InferenceSession(path, _options(threads), providers=["CPUExecutionProvider"])
        self._check("input", input_name, self._session.get_inputs())
        self._check("output", output_name, self._session.get_outputs())

    def run(self, inputs: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return the vectors of a batch; raises `EncoderError` where the graph does not take it."""
        with self._failures("cannot be run"):
            return np.asarray(self._session.run([self._output], {self._input: inputs})[0], np.float32)

    def _check(self, role: str, name: str, nodes: list[Any]) -> None:
        names = [node.name for node in nodes]
        if name not in names:
            raise EncoderError(f"{self._path}: no {role} {name!r}; it has {', '.join(map(repr, names))}")

    @contextmanager
    def _failures(self, what: str) -> Iterator[None]:
        try:
            yield
        except FAILURES as error:
            raise EncoderError(f"{self._path}: {what}: {error}") from None


def describe(threads: int) -> Description:
    """Return what runs a tower here."""
    return Description("ONNX Runtime", ort.__version__, on_cpu(threads), "fp32")


def device_memory_bytes() -> int | None:
    """Return None: towers lie in the memory of the process."""
    return None


def open_tower(path: Path, *, input_name: str, output_name: str, threads: int) -> OnnxTower:
    """Open one tower; the signature that every backend has."""
    return OnnxTower(path, input_name=input_name, output_name=output_name, threads=threads)


def _options(threads: int) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = FATAL_ONLY
    # Batches differ in size: patterns and arenas for the largest only hold memory; measured, they save no time.
    options.enable_mem_pattern = False
    options.enable_cpu_mem_arena = False
    # A waiting thread sleeps instead of spinning: the cores are shared with decoding and the other services.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options
