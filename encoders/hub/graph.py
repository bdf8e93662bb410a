"""A tower in torch becomes an ONNX file, the same bytes on every run."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import onnx_ir
import torch

EXTERNAL_FROM_BYTES: Final = 1_900_000_000
"""Weights from this size on lie in a file beside the graph: an ONNX file ends at 2 GiB."""
LARGEST_BATCH: Final = 4096
LOUD: Final = ("torch.onnx", "onnxscript", "onnx_ir")


def write_tower(
    tower: torch.nn.Module, example: torch.Tensor, *, takes: str, gives: str, path: Path, external_from: int = EXTERNAL_FROM_BYTES
) -> None:
    """Write `tower` to `path` for any batch, with its weights in `path` and `.data` where they are too many for one file."""
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            tower.eval(),
            (example,),
            dynamo=True,
            input_names=[takes],
            output_names=[gives],
            dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=LARGEST_BATCH)},),
            verbose=False,
        )
    assert program is not None
    model = program.model
    _forget_traces(model)
    size = sum(value.const_value.nbytes for value in model.graph.initializers.values() if value.const_value is not None)
    onnx_ir.save(model, path, external_data=f"{path.name}.data" if size >= external_from else None)


def _forget_traces(model: Any) -> None:
    """Take out what the exporter notes of the code that it traced: the paths of one machine, and they would name the space."""
    graph = model.graph
    values = [*graph.inputs, *graph.initializers.values(), *(value for node in graph for value in node.outputs)]
    for part in (model, graph, *graph, *values):
        part.doc_string = None
        part.metadata_props.clear()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep to errors: the exporter warns of libraries that it would not need."""
    loggers = [logging.getLogger(name) for name in LOUD]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
