"""Every metric of the decoder."""

from typing import Final

from streaming.metrics import Metric

CHUNKS: Final = Metric("framebus_decoder_chunks_total", "counter", "Chunks taken, by what became of them.", ("outcome",))
CHUNK_SECONDS: Final = Metric("framebus_decoder_chunk_seconds", "histogram", "From starting a chunk to its last frame.")
SAMPLES: Final = Metric("framebus_decoder_samples_total", "counter", "Sampled frames sent, margins included.")
UNUSABLE: Final = Metric("framebus_decoder_unusable_total", "counter", "Packets and frames that could not be decoded.")
INSPECTIONS: Final = Metric("framebus_decoder_inspections_total", "counter", "Files looked at for a plan.", ("outcome",))
OUTSTANDING: Final = Metric("framebus_decoder_chunks_outstanding", "gauge", "Chunks dealt and not yet confirmed in the index.")
OWNED: Final = Metric("framebus_decoder_sources_owned", "gauge", "Files that this process plans and deals.")

CAMERAS: Final = Metric("framebus_decoder_cameras", "gauge", "Cameras that this process captures, those that are away counted.")
LIVE_SAMPLES: Final = Metric("framebus_decoder_live_samples_total", "counter", "Sampled frames of cameras sent.")
UNSENT: Final = Metric(
    "framebus_decoder_unsent_samples_total",
    "counter",
    "Samples of cameras that Kafka did not take.",
)
SAMPLE_SECONDS: Final = Metric(
    "framebus_decoder_sample_seconds", "histogram", "From the capture of a live frame to its being handed to Kafka."
)
RECONNECTS: Final = Metric("framebus_decoder_camera_failures_total", "counter", "Times that a camera went away or refused.")
MISSED: Final = Metric("framebus_decoder_missed_samples", "gauge", "Samples of cameras that are being caught up from recordings.")
RECORDED: Final = Metric("framebus_decoder_recorded_bytes", "gauge", "Bytes of recorded media, as of the last sweep.")
EXPIRED: Final = Metric("framebus_decoder_expired_segments_total", "counter", "Recorded segments deleted, by why.", ("reason",))

METRICS: Final = (
    CHUNKS, CHUNK_SECONDS, SAMPLES, UNUSABLE, INSPECTIONS, OUTSTANDING, OWNED,
    CAMERAS, LIVE_SAMPLES, UNSENT, SAMPLE_SECONDS, RECONNECTS, MISSED, RECORDED, EXPIRED,
)  # fmt: skip
