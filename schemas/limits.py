"""Numbers that every side of a topic must agree on (frozen with the topics)."""

from typing import Final

PAYLOAD_LIMIT_BYTES: Final = 900_000
"""Largest record value; a producer refuses more, so no broker limit has to be raised."""

FRAME_SHORT_SIDE_PX: Final = 288
"""Frames are published with at least this short side, whatever the encoder takes."""

USUAL_FRAME_BYTES: Final = 30_000
"""What a frame of that size has as a JPEG, for estimates."""

LONGEST_LACKS: Final = 500
"""Characters of the header `lacks`, which an embedder passes on: a record may not grow beyond what Kafka takes."""

LONGEST_URL: Final = 8_192
"""Characters of a source's or a chunk's `url`, twice what query takes: reasons quote it, and a status is one record."""

LONGEST_STARTS_AT: Final = 64
"""Characters of a source's `starts_at`, which reasons quote too."""

JPEG_PIXELS_LIMIT: Final = 40_000_000
"""Largest picture (width x height) that anyone decodes: a guard against decompression bombs."""

LARGEST_SIGMA_SECONDS: Final = 3.0
"""Largest smoothing sigma; a chunk's margins are made for it, so a plan outlives a change of sigma."""

LARGEST_CUT_MEMORY: Final = 8
"""Largest number of earlier samples (m) that a cut decision may depend on."""

SMOOTHING_REACH_SIGMAS: Final = 3.0
"""A Gaussian window ends at this many sigmas."""

LONGEST_KEEP_DAYS: Final = 36_500
"""A hundred years: the longest that a source's rows and media may be kept for, other than for ever."""

LARGEST_T_MS: Final = 2**53 - 1
"""Largest time on a timeline: exact in every JSON reader."""

LARGEST_CAPTURED_MS: Final = 253_370_764_799_999
"""The end of the year 9998: the last time that calendars of all zones can tell."""

UNKNOWN_MS: Final = -1
"""The value of `captured_ms` where nobody knows when the picture was taken."""

UNREAD_FRAMES_BULK: Final = 10_000
UNREAD_EMBEDDINGS_BULK: Final = 50_000
CHUNKS_DEALT_AHEAD: Final = 64
"""Default bounds on unread records: Kafka has no backpressure, so the writers of the bulk lane keep these."""
