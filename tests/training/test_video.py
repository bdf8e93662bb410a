"""Rendered clips: as long as their script, a keyframe every second, the picture that the script says."""

from pathlib import Path

import av
import numpy as np

from training.footage import picture_at
from training.world.render import render
from training.world.script import Script, Track
from training.world.video import render_video, truth_json

SCRIPT = Script(
    "grass", "day", rain=False, duration_ms=3_000, seed=2,
    tracks=(Track("ball", "red", 1_000, 3_000, 0.5, 0.5, 0.9, 0.4, "a red ball on grass"),),
)  # fmt: skip


def test_a_clip_shows_its_script(tmp_path: Path) -> None:
    render_video(SCRIPT, tmp_path / "clip.mp4", width=320, height=180, fps=10)
    for second in (0.5, 2.0):
        drawn = render(SCRIPT.scene_at(round(second * 1000)), 320, 180).astype(float)
        assert np.abs(picture_at(tmp_path / "clip.mp4", second) - drawn).mean() < 8


def test_a_clip_has_every_frame_and_a_keyframe_every_second(tmp_path: Path) -> None:
    render_video(SCRIPT, tmp_path / "clip.mp4", width=160, height=90, fps=10)
    with av.open(str(tmp_path / "clip.mp4")) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert len(packets) == 30
    assert sum(packet.is_keyframe for packet in packets) >= 3


def test_the_truth_of_a_clip_is_told_by_the_second() -> None:
    truth = truth_json(SCRIPT)
    assert truth["spans"] == [{"start_ms": 1000, "end_ms": 3000, "caption": "a red ball on grass"}]
    assert [any("is ball red" in fact for fact in second) for second in truth["seconds"]] == [False, True, True]
