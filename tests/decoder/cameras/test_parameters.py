"""Sequence parameters are found in the keyframes of real encoders, and tell one size of picture from another."""

from typing import Literal

import av
import numpy as np
import pytest

from services.decoder.cameras.parameters import sequence_parameters

Codec = Literal["libx264", "libx265"]


def keyframe(codec: Codec, width: int, height: int = 96) -> bytes:
    context = av.CodecContext.create(codec, "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt, context.framerate = width, height, "yuv420p", 25  # type: ignore[assignment]
    context.options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    frame = av.VideoFrame.from_ndarray(np.zeros((height, width, 3), np.uint8), format="rgb24")
    packets = [*context.encode(frame), *context.encode(None)]
    return bytes(packets[0])


@pytest.mark.parametrize(("codec", "name", "sets"), [("libx264", "h264", 2), ("libx265", "hevc", 3)])
def test_a_keyframe_carries_its_sequence_parameters(codec: Codec, name: str, sets: int) -> None:
    one, same, other = (sequence_parameters(name, keyframe(codec, width)) for width in (160, 160, 320))
    assert one
    assert one == same
    assert one != other


def test_parameters_that_were_lost_on_the_way_are_not_taken_for_others() -> None:
    whole = keyframe("libx264", 160)
    assert sequence_parameters("h264", whole[whole.index(sequence_parameters("h264", whole)) + 4 :]) == b""


def test_what_is_no_access_unit_has_none() -> None:
    assert sequence_parameters("h264", b"") == b""
    assert sequence_parameters("h264", b"\x00\x00\x01") == b""
    assert sequence_parameters("hevc", bytes(5000)) == b""
