"""The demonstration's clips: `python -m training.demo_clips` renders the scenes, trims the footage and writes demo.json."""

import argparse
import dataclasses
import json
import os
import pathlib
from fractions import Fraction
from typing import Any

import av

from training.demo_queries import QUERIES, RANKING
from training.world.script import Script, Span, Track, truth_of
from training.world.video import render_video

CLIPS = pathlib.Path(__file__).parent.parent / "framebus" / "demo" / "clips"
LIVE = "beach"
"""What the demonstration's camera shows, over and over: its umbrella can be found at any moment."""


@dataclasses.dataclass(frozen=True)
class Rendered:
    """A scene of the generated world."""

    name: str
    title: str
    category: str
    script: Script


@dataclasses.dataclass(frozen=True)
class Footage:
    """A piece of a real clip; `truth` was written by eye, on the piece's own timeline."""

    name: str
    title: str
    category: str
    file: str
    start_seconds: float
    length_seconds: float
    truth: tuple[Span, ...]


RENDERED = (
    Rendered(
        "street",
        "Street by day",
        "traffic",
        Script(
            "street",
            "day",
            False,
            18_000,
            (
                Track("car", "red", 5_000, 10_000, 1.3, -0.3, 0.9, 0.3, "a red car driving to the left on a street"),
                Track("bus", "yellow", 12_000, 17_000, -0.4, 1.4, 0.82, 0.42, "a yellow bus driving to the right on a street"),
            ),
            11,
        ),
    ),
    Rendered(
        "night-street",
        "Street by night",
        "traffic",
        Script(
            "street",
            "night",
            False,
            16_000,
            (Track("person", "yellow", 4_000, 13_000, -0.1, 1.1, 0.85, 0.55, "a person in yellow walking on a street at night"),),
            12,
        ),
    ),
    Rendered(
        "meadow",
        "Meadow",
        "nature",
        Script(
            "grass",
            "day",
            False,
            16_000,
            (
                Track("tree", "green", 0, 16_000, 0.86, 0.86, 0.66, 0.55, "a tree on grass"),
                Track("dog", "brown", 4_000, 10_000, -0.3, 1.3, 0.88, 0.38, "a brown dog running to the right on grass"),
                Track("ball", "red", 11_000, 15_000, -0.2, 0.6, 0.92, 0.2, "a red ball rolling on grass"),
            ),
            13,
        ),
    ),
    Rendered(
        "conveyor",
        "Conveyor belt",
        "industry",
        Script(
            "conveyor",
            "day",
            False,
            18_000,
            (
                Track("bottle", "green", 1_000, 7_000, -0.15, 1.15, 0.8, 0.55, "a green bottle on a conveyor belt"),
                Track("bottle", "green", 3_000, 9_000, -0.15, 1.15, 0.8, 0.55, "a second green bottle on a conveyor belt"),
                Track("box", "brown", 10_000, 16_000, -0.3, 1.3, 0.8, 0.4, "a brown box on a conveyor belt"),
            ),
            14,
        ),
    ),
    Rendered(
        "table",
        "Table",
        "indoors",
        Script(
            "table",
            "day",
            False,
            15_000,
            (
                Track("book", "blue", 0, 15_000, 0.2, 0.2, 0.75, 0.45, "a blue book on a table"),
                Track("apple", "red", 5_000, 10_000, 0.5, 0.5, 0.85, 0.3, "a red apple on a table"),
                Track("cup", "white", 9_000, 15_000, 0.8, 0.8, 0.85, 0.3, "a white cup on a table"),
            ),
            15,
        ),
    ),
    Rendered(
        "car-park-rain",
        "Car park in the rain",
        "traffic",
        Script(
            "car park",
            "day",
            True,
            12_000,
            (Track("truck", "white", 3_000, 10_000, 1.4, -0.4, 0.85, 0.42, "a white truck in a car park in the rain"),),
            16,
        ),
    ),
    Rendered(
        "beach",
        "Beach camera",
        "nature",
        Script(
            "beach",
            "day",
            False,
            15_000,
            (
                Track("umbrella", "red", 0, 15_000, 0.25, 0.25, 0.8, 0.5, "a red umbrella on a beach"),
                Track("person", "blue", 5_000, 12_000, 1.1, 0.45, 0.9, 0.6, "a person in blue walking on a beach"),
            ),
            17,
        ),
    ),
    Rendered(
        "snow",
        "Snow",
        "nature",
        Script(
            "snow",
            "day",
            False,
            14_000,
            (Track("horse", "brown", 3_000, 11_000, -0.3, 1.3, 0.88, 0.5, "a brown horse in the snow"),),
            18,
        ),
    ),
)

FOOTAGE = (
    Footage(
        "road-cars",
        "Road from above (real)",
        "traffic",
        "car-detection.mp4",
        10.0,
        14.0,
        (Span(5_000, 9_500, "cars on a road seen from above, one of them red"),),
    ),
    Footage(
        "bottle-line",
        "Bottles (real)",
        "industry",
        "bottle-detection.mp4",
        0.0,
        12.0,
        (
            Span(0, 12_000, "plastic bottles standing in a row"),
            Span(5_500, 7_500, "a hand takes a bottle away"),
        ),
    ),
    Footage(
        "people-one-by-one",
        "People at a table, one by one (real)",
        "indoors",
        "one-by-one-person-detection.mp4",
        3.0,
        16.0,
        (Span(4_500, 16_000, "a woman standing at a small table, from behind"),),
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    shared = pathlib.Path(os.environ.get("FRAMEBUS_SHARED", "../shared"))
    parser.add_argument("--footage", type=pathlib.Path, default=shared / "videos" / "intel", help="folder of the real clips")
    parser.add_argument("--out", type=pathlib.Path, default=CLIPS, help="folder for the clips and demo.json")
    parser.add_argument("--script-only", action="store_true", help="write demo.json, leave the clips as they are")
    arguments = parser.parse_args()
    if not arguments.script_only:
        make_clips(arguments.footage, arguments.out)
    (arguments.out / "demo.json").write_text(json.dumps(demo_script(), indent=2) + "\n")


def make_clips(footage: pathlib.Path, out: pathlib.Path) -> None:
    for clip in RENDERED:
        render_video(clip.script, out / f"{clip.name}.mp4")
    for piece in FOOTAGE:
        trim(footage / piece.file, out / f"{piece.name}.mp4", piece.start_seconds, piece.length_seconds)


def demo_script() -> dict[str, Any]:
    """The clips with their truth, and the searches."""
    truths = [(clip, truth_of(clip.script)) for clip in RENDERED] + [(piece, list(piece.truth)) for piece in FOOTAGE]
    return {"clips": [_clip_entry(clip, truth) for clip, truth in truths], "queries": list(QUERIES), "ranking": RANKING}


def _clip_entry(clip: Rendered | Footage, truth: list[Span]) -> dict[str, Any]:
    return {
        "file": f"{clip.name}.mp4",
        "source_id": "camera" if clip.name == LIVE else clip.name,
        "live": clip.name == LIVE,
        "title": clip.title,
        "category": clip.category,
        "truth": [dataclasses.asdict(span) for span in truth],
    }


def trim(source: pathlib.Path, target: pathlib.Path, start: float, seconds: float, width: int = 480) -> None:
    """Encode `seconds` of `source` from `start` again, `width` wide, with a keyframe every two seconds."""
    with av.open(str(source)) as given, av.open(str(target), "w", options={"movflags": "+faststart"}) as container:
        video = given.streams.video[0]
        rate = video.average_rate or Fraction(25)
        stream = container.add_stream("libx264", rate=rate, options={"crf": "29", "preset": "slow", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = width, round(width * video.height / video.width / 2) * 2, "yuv420p"
        stream.codec_context.gop_size = round(2 * rate)
        for frame in given.decode(video):
            if start <= (frame.time or 0.0) < start + seconds:
                small = frame.reformat(stream.width, stream.height, "yuv420p")
                small.pts, small.time_base = round(((frame.time or 0.0) - start) * rate), 1 / rate
                container.mux(stream.encode(small))
        container.mux(stream.encode(None))


if __name__ == "__main__":
    main()
