"""A camera as packets."""

from contextlib import closing
from itertools import islice, pairwise
from pathlib import Path

import pytest

from framebus.demo.camera import CameraServer, read_clip
from services.decoder.cameras.places import Place
from services.decoder.cameras.rtsp import RtspCamera
from tests.camera.clips import Codec, write_clip


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_the_first_picture_is_shown_one_frame_before_the_next_whatever_the_rate(codec: Codec, tmp_path: Path) -> None:
    clip = read_clip(write_clip(tmp_path / "slow.mp4", 16, fps=8, codec=codec))
    with CameraServer({"slow": clip}) as server, closing(RtspCamera(Place(server.url("slow"), "tcp", ()))) as camera:
        times_ms = [packet.pts_ms for packet in islice(camera.packets(), 6)]
    assert [later - earlier for earlier, later in pairwise(times_ms)] == pytest.approx([125.0] * 5, abs=1.0)
