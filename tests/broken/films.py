"""Small real videos of every kind that is read, made by real encoders: what mutants of videos are made of."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import av

from tests.decoder.footage import SHARED, write_video

STEADY: Final = tuple(range(0, 2_400, 80))
WAVERING: Final = tuple(index * 80 + index * index % 71 for index in range(30))
SHARED_FILMS: Final = (
    "torchcodec/nasa_13013_rotated.mp4", "torchcodec/av1_video.mkv", "torchcodec/h264_10bits.mp4", "torchcodec/h265_10bits.mp4",
    "torchcodec/test_non_zero_start.mp4", "intel/asl_yes.mkv",
)  # fmt: skip
REWRITTEN: Final = {"first.mp4": "faststart", "fragments.mp4": "frag_keyframe+empty_moov+default_base_moof"}
"""MP4 with its index in front, and as the decoder records cameras."""


@dataclass(frozen=True)
class Recipe:
    """One kind of video."""

    name: str
    codec: str = "libx264"
    size: tuple[int, int] = (64, 48)
    times_ms: Sequence[int] = STEADY
    more: dict[str, Any] = field(default_factory=dict)


RECIPES: Final = (
    Recipe("h264.mp4"),
    Recipe("h264.mkv", more={"options": {"bf": "2"}}),
    Recipe("h264.ts"),
    Recipe("turned.mov", size=(50, 34), more={"rotation": 90.0}),
    Recipe("wavering.mkv", times_ms=WAVERING),
    Recipe("wavering.mp4", times_ms=WAVERING),
    Recipe("mpeg4.mp4", codec="mpeg4"),
    Recipe("mpeg4.avi", codec="mpeg4"),
    Recipe("odd.mkv", codec="mjpeg", size=(51, 37), more={"pixels": "yuvj420p"}),
    Recipe("ten-bit.mkv", more={"pixels": "yuv420p10le"}),
    Recipe("vp8.webm", codec="libvpx", more={"options": {"cpu-used": "8", "deadline": "realtime"}}),
    Recipe("vp9.webm", codec="libvpx-vp9", more={"options": {"cpu-used": "8", "deadline": "realtime"}}),
    Recipe("h265.mp4", codec="libx265", more={"options": {"preset": "ultrafast", "x265-params": "log-level=none"}}),
    Recipe("h265-ten-bit.ts", codec="libx265",
           more={"pixels": "yuv420p10le", "options": {"preset": "ultrafast", "x265-params": "log-level=none"}}),
    Recipe("av1.mp4", codec="libsvtav1", more={"options": {"preset": "12"}}),
    Recipe("av1.mkv", codec="libsvtav1", more={"options": {"preset": "12"}}),
)  # fmt: skip


def films(folder: Path, *, shared: bool) -> list[Path]:
    """Write the videos whose encoders this FFmpeg has and return their paths, with `shared` those of shared/videos too."""
    folder.mkdir(parents=True, exist_ok=True)

    def written(recipe: Recipe) -> Path:
        return write_video(folder / recipe.name, recipe.times_ms, size=recipe.size, codec=recipe.codec, **recipe.more)

    # As root, SVT-AV1 puts the thread that starts it before all others of the machine (SCHED_FIFO), and so all that this thread
    # starts from then on: it gets one of its own.
    with ThreadPoolExecutor(1, "films") as thread:
        made = list(thread.map(written, [recipe for recipe in RECIPES if recipe.codec in av.codecs_available]))
    made += [rewritten(made[0], folder / name, flags) for name, flags in REWRITTEN.items()]
    found = [SHARED / "videos" / name for name in SHARED_FILMS if shared]
    return made + [path for path in found if path.exists()]


def rewritten(path: Path, target: Path, movflags: str) -> Path:
    """Write the packets of a video into another MP4."""
    options = {"movflags": movflags}
    with av.open(str(path)) as whole, av.open(str(target), "w", format="mp4", options=options) as container:
        stream: Any = container.add_stream_from_template(whole.streams.video[0])
        for packet in whole.demux(whole.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
    return target
