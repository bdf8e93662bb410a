"""The PyTorch backend: the graph of a model folder as PyTorch's own kernels, on the CPU or on a GPU."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from onnx import TensorProto
from torch import Tensor

from encoders.backends import Description, on_cpu
from encoders.batch_sizes import BUCKETS, bucket_of, pieces
from encoders.errors import EncoderError
from encoders.folder import Vectors
from encoders.machine import cpu_has_bf16
from encoders.onnx_file import check_rows, read_onnx, row_shape
from encoders.onnx_to_torch.fusion import fuse
from encoders.onnx_to_torch.graph import TorchGraph
from encoders.precision import lowered

TYPES: Final = {"bf16": TensorProto.BFLOAT16, "fp16": TensorProto.FLOAT16}
FAILURES: Final = (RuntimeError, IndexError, TypeError, ValueError)
"""What torch raises where a tensor does not fit an operator; an `EncoderError` passes through as it is."""


_GPU: Final = Lock()
"""Held while a tower runs: no other may allocate on the GPU while one's graph is captured."""


class CpuTower:
    """One tower on the CPU, for batches of any size."""

    def __init__(self, graph: TorchGraph, path: Path, row: tuple[int, ...]) -> None:
        self._graph, self._path, self._row = graph, path, row

    def run(self, inputs: npt.NDArray[Any]) -> Vectors:
        """Return the vectors of a batch; raises `EncoderError` where the graph does not take it."""
        check_rows(self._path, self._row, inputs.shape[1:])
        return _run(self._graph, _tensor(inputs), self._path).numpy()


class CudaTower:
    """One tower on a GPU: a CUDA graph for each bucket, on a stream of its own, fed and read through pinned memory.

    A graph is captured at the first batch of its size and replayed from then on, with one launch in place of hundreds.
    All work in the same memory: one is replayed at a time, and what it gives is copied out before the next.
    """

    def __init__(self, graph: TorchGraph, path: Path, row: tuple[int, ...], device: torch.device) -> None:
        self._graph, self._path, self._row, self._device = graph, path, row, device
        self._stream = torch.cuda.Stream(device)
        self._pool: Final = torch.cuda.graph_pool_handle()
        self._captured: dict[int, Captured] = {}

    def run(self, inputs: npt.NDArray[Any]) -> Vectors:
        """Return the vectors of a batch; raises `EncoderError` where the graph does not take it."""
        check_rows(self._path, self._row, inputs.shape[1:])
        with self._turn():
            return np.concatenate([self._run_piece(piece) for piece in pieces(inputs, BUCKETS[-1])])

    def captured(self, count: int, row: npt.NDArray[Any]) -> "Captured":
        """Return the CUDA graph for batches of `count`, of any size; `row` [1, ...] fills what it is captured with."""
        with self._turn():
            return self._captured_for(count, _tensor(row))

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with _GPU, torch.cuda.device(self._device), torch.cuda.stream(self._stream):
            yield

    def _captured_for(self, count: int, row: Tensor) -> "Captured":
        if count not in self._captured:
            self._captured[count] = self._capture(count, row)
        return self._captured[count]

    def _run_piece(self, piece: npt.NDArray[Any]) -> Vectors:
        captured = self._captured_for(bucket_of(len(piece)), _tensor(piece[:1]))
        captured.sent[: len(piece)].copy_(_tensor(piece))
        captured.inputs.copy_(captured.sent, non_blocking=True)
        captured.graph.replay()
        captured.received.copy_(captured.outputs, non_blocking=True)
        self._stream.synchronize()
        return captured.received[: len(piece)].numpy().copy()

    def _capture(self, count: int, row: Tensor) -> "Captured":
        sent = row.expand(count, *row.shape[1:]).contiguous().pin_memory()
        inputs = sent.to(self._device)
        for _ in range(2):  # libraries pick and set up their kernels before anything is recorded
            outputs = _run(self._graph, inputs, self._path)
        self._stream.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
            outputs = self._graph(inputs).float()
        received = torch.empty(outputs.shape, dtype=torch.float32, pin_memory=True)
        return Captured(graph, sent, inputs, outputs, received)


class Captured:
    """A CUDA graph and the buffers that it was captured with: pinned, on the device, on the device, pinned."""

    def __init__(self, graph: torch.cuda.CUDAGraph, sent: Tensor, inputs: Tensor, outputs: Tensor, received: Tensor) -> None:
        self.graph, self.sent, self.inputs, self.outputs, self.received = graph, sent, inputs, outputs, received


def precision_here() -> str:
    """Return what towers are computed in on this machine: half precision wherever its hardware multiplies it."""
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    return "bf16" if cpu_has_bf16() else "fp32"


def describe(threads: int) -> Description:
    """Return what runs a tower here."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else on_cpu(threads)
    return Description("PyTorch", torch.__version__, device, precision_here())


def device_memory_bytes() -> int | None:
    """Return the most memory of a GPU that this process has reserved, None without one."""
    return torch.cuda.max_memory_reserved() if torch.cuda.is_available() else None


def open_tower(
    path: Path, *, input_name: str, output_name: str, threads: int, precision: str | None = None
) -> CpuTower | CudaTower:
    """Open one tower; the signature that every backend has. `precision` is the machine's own choice unless given."""
    device = torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")
    model = fuse(read_onnx(path, input_name=input_name, output_name=output_name))
    if (low := TYPES.get(precision or precision_here())) is not None:
        model = lowered(model, low)
    graph, row = TorchGraph(model, path, input_name, output_name, device), row_shape(model, input_name)
    if device.type == "cuda":
        return CudaTower(graph, path, row, device)
    torch.set_num_threads(threads)
    return CpuTower(graph, path, row)


def _tensor(rows: npt.NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.require(rows, requirements=["C", "W"]))


def _run(graph: TorchGraph, inputs: Tensor, path: Path) -> Tensor:
    try:
        return graph(inputs).float()
    except EncoderError:
        raise
    except FAILURES as error:
        raise EncoderError(f"{path}: cannot be run: {' '.join(str(error).split())[:300]}") from None
