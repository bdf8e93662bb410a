"""What the demonstration shows, as data: `clips/demo.json`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from framebus.cli.moments import clock

CLIPS: Final = Path(__file__).parent / "clips"


class Moment(msgspec.Struct, frozen=True):
    """What a clip shows during [start_ms, end_ms]."""

    start_ms: int
    end_ms: int
    caption: str


class Clip(msgspec.Struct, frozen=True):
    """One clip of the demonstration: added as a file, or shown over and over by a camera where it is `live`."""

    file: str
    source_id: str
    title: str
    category: str = ""
    live: bool = False
    truth: tuple[Moment, ...] = ()


class Picture(msgspec.Struct, frozen=True):
    """A frame of a clip, taken as the picture of a query."""

    file: str
    t_ms: int


class Expectation(msgspec.Struct, frozen=True):
    """Where the answer is: a clip, and the span of it [start, end] in ms that shows it."""

    source_id: str
    within_ms: tuple[int, int]


class Query(msgspec.Struct, frozen=True):
    """One search and what it must find; `expect` None: nothing, because no clip shows it."""

    text: str | None = None
    image_from: Picture | None = None
    expect: Expectation | None = None


class Script(msgspec.Struct, frozen=True):
    """The clips, one of them live, the searches, and a text that both files and the camera answer."""

    clips: tuple[Clip, ...]
    queries: tuple[Query, ...]
    ranking: str

    @property
    def files(self) -> tuple[Clip, ...]:
        """The clips that are added as files."""
        return tuple(clip for clip in self.clips if not clip.live)

    @property
    def camera(self) -> Clip:
        """The clip that a camera shows."""
        return next(clip for clip in self.clips if clip.live)

    @property
    def ids(self) -> list[str]:
        """The source of every clip."""
        return [clip.source_id for clip in self.clips]

    @property
    def titles(self) -> Mapping[str, str]:
        """The title of every source by its id."""
        return {clip.source_id: clip.title for clip in self.clips}


def read_script(folder: Path = CLIPS) -> Script:
    """Return the script of a folder of clips."""
    return msgspec.json.decode((folder / "demo.json").read_bytes(), type=Script)


def title_of(query: Query, script: Script) -> str:
    """Return a query as people say it."""
    if query.image_from is None:
        return f"“{query.text}”"
    clip = next((clip.title for clip in script.clips if clip.file == query.image_from.file), query.image_from.file)
    picture = f"a picture: {clip}, at {clock(query.image_from.t_ms)}"
    return f"“{query.text}” + {picture}" if query.text else picture
