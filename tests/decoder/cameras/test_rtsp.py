"""A camera as packets."""

from contextlib import closing
from itertools import islice, pairwise
from pathlib import Path

import pytest

from framebus.demo.camera import CameraServer, LiveScene, read_clip
from services.decoder.cameras import rtsp
from services.decoder.cameras.errors import CameraDown
from services.decoder.cameras.places import Place
from services.decoder.cameras.rtsp import RtspCamera
from tests.camera.clips import Codec, write_clip


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_the_first_picture_is_shown_one_frame_before_the_next_whatever_the_rate(codec: Codec, tmp_path: Path) -> None:
    clip = read_clip(write_clip(tmp_path / "slow.mp4", 16, fps=8, codec=codec))
    with CameraServer({"slow": clip}) as server, closing(RtspCamera(Place(server.url("slow"), "tcp", ()))) as camera:
        times_ms = [packet.pts_ms for packet in islice(camera.packets(), 6)]
    assert [later - earlier for earlier, later in pairwise(times_ms)] == pytest.approx([125.0] * 5, abs=1.0)


@pytest.mark.parametrize("still_seconds", [29, 31])
def test_what_waits_for_a_process_that_stood_still_for_long_is_left_out(
    still_seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with CameraServer({"live": LiveScene()}) as server, closing(RtspCamera(Place(server.url("live"), "tcp", ()))) as camera:
        packets = camera.packets()
        before = list(islice(packets, 10))[-1]
        monkeypatch.setattr(rtsp, "_now_ms", lambda: before.arrival_ms + 1000 * still_seconds)
        if still_seconds < 30:
            assert next(packets).pts_ms > before.pts_ms
            return
        with pytest.raises(CameraDown, match="the decoder stood still for 31 s"):
            next(packets)
