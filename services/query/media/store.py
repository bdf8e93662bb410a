"""Where the media of this service lie, how much of it may lie there, and where those of sources may lie."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from originals.access import Access
from schemas.messages import Source
from schemas.recordings import RECORDINGS, THUMBNAILS
from services.query.access import Grant
from services.query.media.cache import DiskCache
from services.query.workshop import Workshop

FindSource = Callable[[str, Grant], Source]
"""Returns the source that a key may see, or raises the 404 of one that it may not."""

GIB = 1024**3
RECEIVING = ".receiving-"
"""What files begin with that are still being received."""


def life_of(source: Source) -> str:
    """Return where files that were made of a life of a source are kept."""
    return f"{source.source_id}/{source.life}"


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip on disk. `is_whole`: it holds all that there will ever be of its span."""

    path: Path
    is_whole: bool


@dataclass(frozen=True)
class MediaStore:
    """The folder that FRAMEBUS_MEDIA names. Uploads and pictures of pushed sources are originals, the rest can be made again.

    `access` says where originals may lie.
    """

    folder: Path
    access: Access
    clip_cache_bytes: int = 4 * GIB
    thumbnail_cache_bytes: int = GIB
    upload_limit_bytes: int = 4 * GIB
    work_limit_seconds: float = 60.0
    threads: int = 2
    clips: DiskCache = field(init=False)
    thumbnails: DiskCache = field(init=False)
    clip_shop: Workshop[Clip] = field(init=False)
    thumbnail_shop: Workshop[Path | bytes] = field(init=False)

    def __post_init__(self) -> None:
        made = {
            "clips": DiskCache(self.clips_folder, self.clip_cache_bytes),
            "thumbnails": DiskCache(self.made_thumbnails_folder, self.thumbnail_cache_bytes),
            "clip_shop": Workshop[Clip]("clips", self.threads, waiting_limit=32),
            "thumbnail_shop": Workshop[Path | bytes]("thumbnails", self.threads, waiting_limit=200),
        }
        for name, value in made.items():
            object.__setattr__(self, name, value)

    @property
    def clips_folder(self) -> Path:
        """Cached clips: `clips/<source_id>/<life>/<hash>.mp4`."""
        return self.folder / "clips"

    @property
    def made_thumbnails_folder(self) -> Path:
        """Cached thumbnails: `thumbnails-made/<source_id>/<life>/<hash>.jpg`."""
        return self.folder / "thumbnails-made"

    @property
    def pushed_thumbnails_folder(self) -> Path:
        """Thumbnails that the embedder stored of what is not recorded: `thumbnails/<source_id>/<life>/<t_ms>.jpg`."""
        return self.folder / THUMBNAILS

    @property
    def recordings_folder(self) -> Path:
        """What the decoder recorded of cameras, as `schemas/recordings.py` describes."""
        return self.folder / RECORDINGS

    @property
    def uploads_folder(self) -> Path:
        """Uploaded files: `uploads/<source_id>/<hash>/<name>`."""
        return self.folder / "uploads"

    @property
    def folders_of_lives(self) -> Sequence[Path]:
        """The folders that have one for each life of a source."""
        return (self.recordings_folder, self.pushed_thumbnails_folder, self.made_thumbnails_folder, self.clips_folder)

    def close(self) -> None:
        """End the threads of this store."""
        self.clip_shop.close()
        self.thumbnail_shop.close()
