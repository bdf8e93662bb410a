"""One frame of original media as a small JPEG, the right way up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import Final

import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from originals.access import Access
from originals.matrices import stand_in
from originals.timestamps import WRAPS, without_strays
from services.query.media.original import NothingThereError, Original, decodable, explaining, opened_at
from services.query.media.stretches import Stretch

SHORT_SIDE_PX: Final = 320
LONG_SIDE_PX: Final = 480
JPEG_QSCALE: Final = 4
TOLERANCE_MS: Final = 1


def picture_at(stretches: Sequence[Stretch], t_ms: int, access: Access, check: Callable[[], None]) -> bytes:
    """Return the JPEG of the first frame at or after `t_ms` (less 1 ms: `t_ms` may have been rounded).

    `access` judges where they lie. `check` is called before each packet and raises to give up.
    Raises `UnreadableError`, `NothingThereError`.
    """
    for stretch in stretches:
        # A sample is often a keyframe: sought a little later, decoding begins with it and not with the one before.
        at_ms = t_ms + TOLERANCE_MS
        with suppress(NothingThereError), opened_at(stretch, at_ms, access, check, with_audio=False) as original:
            frame = _frame_at(original, t_ms, may_grow=stretch.recorded)
            with explaining():
                return jpeg(frame, original.rotation, original.video.sample_aspect_ratio)
    raise NothingThereError(f"t_ms {t_ms}: the recording ends before this moment")


def _frame_at(original: Original, t_ms: int, *, may_grow: bool) -> VideoFrame:
    """Return the frame; from the end of a file that may grow only the very one: those before it may still be on their way."""
    wanted = original.timeline.pts_at(t_ms - TOLERANCE_MS)
    exact = original.timeline.pts_at(t_ms + TOLERANCE_MS + 1)
    frames = _decoded(original, wanted)
    wrap_pts = WRAPS.get(original.video.container.format.name)
    for frame, from_the_end in frames if wrap_pts is None else without_strays(frames, lambda one: one[0].pts, wrap_pts):
        if frame.pts is not None and frame.pts >= wanted:
            if may_grow and from_the_end and frame.pts >= exact:
                break
            return frame
    raise NothingThereError


def _decoded(original: Original, wanted: int) -> Iterator[tuple[VideoFrame, bool]]:
    """Decode from the keyframe on; frames before `wanted` that no other frame needs are skipped, a quarter of the work.

    With each frame comes whether the end of the file has pushed it out, and not a later packet.
    """
    decoder = original.video.codec_context
    for packet in original.reading():
        early = packet.pts is not None and packet.pts < wanted
        decoder.skip_frame = "NONREF" if early else "DEFAULT"
        yield from ((frame, False) for frame in decodable(decoder, packet))
    yield from ((frame, True) for frame in decodable(decoder, None))


def thumbnail_size(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """Return the size of a thumbnail: square pixels, even sides, the short one at most 320 and the long one at most 480."""
    shown = width * float(aspect or 1)
    scale = min(1.0, SHORT_SIDE_PX / min(shown, height), LONG_SIDE_PX / max(shown, height))
    return max(2, round(shown * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def jpeg(frame: VideoFrame, rotation: int, aspect: Fraction | None) -> bytes:
    """Return a frame as a JPEG of thumbnail size, turned counter-clockwise by `rotation` degrees (a multiple of 90)."""
    width, height = thumbnail_size(frame.width, frame.height, aspect)
    pixels = frame.to_ndarray(format="rgb24", width=width, height=height, src_colorspace=stand_in(frame))
    turned = np.ascontiguousarray(np.rot90(pixels, round(rotation / 90)), dtype=np.uint8)
    upright = VideoFrame.from_ndarray(turned, format="rgb24").reformat(format="yuvj420p")
    encoder = VideoCodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = upright.width, upright.height, "yuvj420p"
    encoder.time_base = Fraction(1, 1)
    encoder.options = {"flags": "+qscale", "global_quality": str(JPEG_QSCALE * 118)}
    upright.pts = 0
    return b"".join(bytes(packet) for packet in (*encoder.encode(upright), *encoder.encode(None)))
