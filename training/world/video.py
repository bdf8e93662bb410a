"""A script as an H.264 file, and its truth as JSON."""

import pathlib
from fractions import Fraction
from typing import TypedDict

import av

from training.world.captions import Fact
from training.world.render import render
from training.world.script import Script, facts_at, truth_of

NOISE_SIGMA = 1.2


def render_video(
    script: Script, path: pathlib.Path, *, width: int = 640, height: int = 360, fps: int = 15, crf: int = 27
) -> None:
    """Write `script` to `path` as H.264 with a keyframe every second."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": str(crf), "preset": "slow", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.gop_size = fps
        for index in range(script.duration_ms * fps // 1000):
            scene = script.scene_at(index * 1000 // fps)
            picture = render(scene, width, height, frame=index, noise_sigma=NOISE_SIGMA)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


class Truth(TypedDict):
    """`spans` are start_ms, end_ms, caption; `seconds` the facts in the middle of each second, as words."""

    duration_ms: int
    spans: list[dict[str, int | str]]
    seconds: list[list[str]]


def truth_json(script: Script) -> Truth:
    """The truth of a clip, ready for JSON."""
    spans: list[dict[str, int | str]] = [
        {"start_ms": s.start_ms, "end_ms": s.end_ms, "caption": s.caption} for s in truth_of(script)
    ]
    seconds = [sorted(map(_words, facts_at(script, t))) for t in range(500, script.duration_ms, 1000)]
    return {"duration_ms": script.duration_ms, "spans": spans, "seconds": seconds}


def _words(fact: Fact) -> str:
    return " ".join(map(str, fact))
