"""Every metric that only the embedder has."""

from typing import Final

from streaming.metrics import Metric

IMAGES: Final = Metric("framebus_embedder_images_total", "counter", "Pictures embedded.", ("lane",))
MARKS: Final = Metric("framebus_embedder_marks_total", "counter", "Marks passed on.", ("lane",))
STEP_SECONDS: Final = Metric("framebus_embedder_step_seconds", "histogram", "Time of the model for one batch.", ("lane",))
BATCH_IMAGES: Final = Metric("framebus_embedder_batch_images", "gauge", "Pictures that fit into a step now.")
RATE: Final = Metric("framebus_embedder_images_per_second", "gauge", "Speed of the model, as batches are sized by it.")
DROPPED: Final = Metric("framebus_embedder_dropped_total", "counter", "Records of what is over, left out.", ("reason",))
REQUESTED: Final = Metric("framebus_embedder_source_requests_total", "counter", "Unknown sources asked to be registered.")
THUMBNAILS: Final = Metric("framebus_embedder_thumbnails_total", "counter", "Thumbnails of unrecorded sources.", ("outcome",))
HELD_BACK: Final = Metric("framebus_embedder_held_back", "gauge", "1 while the bulk lane waits for the indexer, else 0.")
GPU_BUSY: Final = Metric("framebus_embedder_gpu_busy_ratio", "gauge", "Share of time that the GPU was busy, by NVML.", ("gpu",))
GPU_MEMORY: Final = Metric("framebus_embedder_gpu_memory_bytes", "gauge", "Memory of the GPU in use, by NVML.", ("gpu",))

METRICS: Final = (
    IMAGES, MARKS, STEP_SECONDS, BATCH_IMAGES, RATE, DROPPED, REQUESTED, THUMBNAILS, HELD_BACK, GPU_BUSY, GPU_MEMORY,
)  # fmt: skip
