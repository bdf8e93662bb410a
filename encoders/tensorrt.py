"""The TensorRT backend: a strongly typed network from the same ONNX file, built once for this GPU and kept."""

import os
import tempfile
from pathlib import Path
from threading import Lock
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
import tensorrt_bindings as trt
import torch
from onnx import TensorProto

from encoders.backends import Description
from encoders.batch_sizes import BUCKETS, pieces
from encoders.errors import EncoderError
from encoders.folder import Vectors
from encoders.onnx_file import INPUT_TYPES, check_rows, onnx_digest, read_onnx
from encoders.precision import lowered
from encoders.tensorrt_plan import BUILD_LEVEL, Plan, Profile, cast_first, engines_folder, load_or_build, profile_of

PRECISION: Final = "fp16"
MOST: Final = BUCKETS[-1]
TORCH_TYPES: Final = {TensorProto.UINT8: torch.uint8, TensorProto.INT64: torch.int64}


class TensorRtTower:
    """One tower as an engine, on a stream of its own, fed and read through pinned memory."""

    def __init__(self, engine: trt.ICudaEngine, path: Path, input_name: str, output_name: str, largest: tuple[int, ...]) -> None:
        """Set up buffers for batches of the profile's largest shape."""
        context = engine.create_execution_context()
        if context is None or not context.set_input_shape(input_name, largest):
            raise EncoderError(f"{path}: cannot be loaded: no execution context for {list(largest)}: is the GPU's memory full?")
        self._context, self._engine = context, engine
        self._path, self._input, self._row = path, input_name, largest[1:]
        self._stream, self._lock, self._rows = torch.cuda.Stream(), Lock(), largest[0]
        kind, shape = TORCH_TYPES[INPUT_TYPES[input_name]], tuple(context.get_tensor_shape(output_name))
        self._sent = torch.empty(largest, dtype=kind, pin_memory=True)
        self._inputs = torch.empty(largest, dtype=kind, device="cuda")
        self._outputs = torch.empty(shape, dtype=torch.float32, device="cuda")
        self._received = torch.empty(shape, dtype=torch.float32, pin_memory=True)
        context.set_tensor_address(input_name, self._inputs.data_ptr())
        context.set_tensor_address(output_name, self._outputs.data_ptr())

    def run(self, inputs: npt.NDArray[Any]) -> Vectors:
        """Return the vectors of a batch; raises `EncoderError` where the engine does not take it."""
        check_rows(self._path, self._row, inputs.shape[1:])
        with self._lock, torch.cuda.stream(self._stream):
            return np.concatenate([self._run_piece(piece) for piece in pieces(inputs, MOST)])

    def _run_piece(self, piece: npt.NDArray[Any]) -> Vectors:
        rows = len(piece)
        if rows != self._rows and not self._context.set_input_shape(self._input, (rows, *self._row)):
            raise EncoderError(f"{self._path}: cannot be run: {rows} rows lie outside the engine's profile")
        self._rows = rows
        self._sent[:rows].copy_(torch.from_numpy(np.require(piece, requirements=["C", "W"])))
        self._inputs[:rows].copy_(self._sent[:rows], non_blocking=True)
        if not self._context.execute_async_v3(self._stream.cuda_stream):
            raise EncoderError(f"{self._path}: cannot be run: TensorRT refuses a batch of {rows}")
        self._received[:rows].copy_(self._outputs[:rows], non_blocking=True)
        self._stream.synchronize()
        return self._received[:rows].numpy().copy()


class _Log(trt.ILogger):
    """Keeps what TensorRT says about errors, for the text of ours."""

    def __init__(self) -> None:
        trt.ILogger.__init__(self)
        self.errors: list[str] = []

    def log(self, severity: trt.ILogger.Severity, msg: str) -> None:
        """Take a message."""
        if severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR):
            self.errors.append(" ".join(msg.split()))

    def last(self) -> str:
        """Return the last error."""
        return self.errors[-1][:300] if self.errors else "no reason given"


def describe(threads: int) -> Description:
    """Return what runs a tower here."""
    return Description("TensorRT", trt.__version__, torch.cuda.get_device_name(), PRECISION)


def device_memory_bytes() -> int | None:
    """Return what is taken of the GPU's memory, by whomever: an engine's memory is not torch's to count."""
    free, total = torch.cuda.mem_get_info()
    return total - free


def open_tower(path: Path, *, input_name: str, output_name: str, threads: int) -> TensorRtTower:
    """Open one tower; the signature that every backend has. The first time on this machine its engine is built: minutes."""
    torch.cuda.init()
    model = read_onnx(path, input_name=input_name, output_name=output_name)
    profile = profile_of(model, input_name, path)
    gpu, capability = torch.cuda.get_device_name(), torch.cuda.get_device_capability()
    plan = Plan(onnx_digest(path), trt.__version__, gpu, capability, PRECISION, profile)
    log = _Log()
    runtime = trt.Runtime(log)
    folder = engines_folder(os.environ)
    engine = load_or_build(
        folder, plan.file_name, runtime.deserialize_cuda_engine, lambda: _build(model, path, input_name, profile, log)
    )
    return TensorRtTower(engine, path, input_name, output_name, profile.largest)


def _build(model: onnx.ModelProto, path: Path, input_name: str, profile: Profile, log: _Log) -> bytes:
    """Return the plan of a graph in half precision; raises `EncoderError` with TensorRT's reason."""
    model = lowered(model, TensorProto.FLOAT16)
    model = cast_first(model, input_name) if INPUT_TYPES[input_name] == TensorProto.UINT8 else model
    builder = trt.Builder(log)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, log)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tower.onnx"
        onnx.save_model(model, file, save_as_external_data=True)
        if not parser.parse_from_file(str(file)):
            reasons = "; ".join(parser.get_error(i).desc() for i in range(parser.num_errors))
            raise EncoderError(f"{path}: cannot be loaded: TensorRT: {reasons or log.last()}")
    shapes = builder.create_optimization_profile()
    shapes.set_shape(input_name, profile.smallest, profile.common, profile.largest)
    config = builder.create_builder_config()
    config.add_optimization_profile(shapes)
    config.builder_optimization_level = BUILD_LEVEL
    built = builder.build_serialized_network(network, config)
    if built is None:
        raise EncoderError(f"{path}: cannot be loaded: TensorRT: {log.last()}")
    return bytes(built)
