"""GPU figures through NVML. A machine without a GPU is normal: then there are none."""

from functools import partial
from typing import Any

from services.embedder.metrics import GPU_BUSY, GPU_MEMORY
from streaming.metrics import Metrics


def publish_gpus(metrics: Metrics) -> int:
    """Let every scrape of `metrics` read the GPUs of this machine; return how many there are."""
    import pynvml  # noqa: PLC0415  only this function needs it

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return 0
    count = int(pynvml.nvmlDeviceGetCount())
    for number in range(count):
        gpu = pynvml.nvmlDeviceGetHandleByIndex(number)
        metrics.of(GPU_BUSY).labels(number).set_function(partial(_busy, pynvml, gpu))
        metrics.of(GPU_MEMORY).labels(number).set_function(partial(_memory, pynvml, gpu))
    return count


def _busy(nvml: Any, gpu: Any) -> float:
    return float(nvml.nvmlDeviceGetUtilizationRates(gpu).gpu) / 100


def _memory(nvml: Any, gpu: Any) -> float:
    return float(nvml.nvmlDeviceGetMemoryInfo(gpu).used)
