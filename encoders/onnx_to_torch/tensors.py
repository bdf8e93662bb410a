"""Tensors of an ONNX file as torch's."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import torch
from onnx import TensorProto, numpy_helper
from torch import Tensor

from encoders.onnx_to_torch.attributes import Unsupported

TYPES: Final[Mapping[int, torch.dtype]] = {
    TensorProto.FLOAT: torch.float32,
    TensorProto.FLOAT16: torch.float16,
    TensorProto.BFLOAT16: torch.bfloat16,
    TensorProto.DOUBLE: torch.float64,
    TensorProto.UINT8: torch.uint8,
    TensorProto.INT8: torch.int8,
    TensorProto.INT16: torch.int16,
    TensorProto.INT32: torch.int32,
    TensorProto.INT64: torch.int64,
    TensorProto.BOOL: torch.bool,
}


def torch_type(number: int) -> torch.dtype:
    """Return the type of elements that ONNX knows by `number`; raises `Unsupported`."""
    if number not in TYPES:
        raise Unsupported(f"elements of type {TensorProto.DataType.Name(number)}")
    return TYPES[number]


def from_onnx(tensor: TensorProto) -> Tensor:
    """Return a copy of `tensor`."""
    kind = torch_type(tensor.data_type)
    values = numpy_helper.to_array(tensor)
    if kind is torch.bfloat16:  # numpy has no such type: the bits go over
        return torch.from_numpy(values.view(np.int16).copy()).view(torch.bfloat16)
    return torch.from_numpy(np.array(values))
