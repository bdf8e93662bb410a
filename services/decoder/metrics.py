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

METRICS: Final = (CHUNKS, CHUNK_SECONDS, SAMPLES, UNUSABLE, INSPECTIONS, OUTSTANDING, OWNED)
