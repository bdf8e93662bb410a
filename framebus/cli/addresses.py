"""What `framebus add` is given: files, folders and URLs, turned into addresses of sources."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from framebus.cli.failure import Failure, bad_usage, not_yet

VIDEO_SUFFIXES: Final = frozenset((".mp4", ".m4v", ".mkv", ".webm", ".mov", ".ts", ".m2ts", ".avi", ".mpg", ".mpeg"))
LATER_SCHEMES: Final = {"rtsp": "cameras", "rtsps": "cameras", "s3": "s3 addresses"}


def expand(words: Iterable[str], *, recursive: bool) -> list[str]:
    """Return the addresses that `words` name, folders replaced by the video files in them, each once.

    A file that is named is taken whatever it is called: the decoder says whether it is a video.
    """
    return list(dict.fromkeys(address for word in words for address in _expand_one(word, recursive=recursive)))


def _expand_one(word: str, *, recursive: bool) -> Iterable[str]:
    if "://" in word:
        return [_checked_url(word)]
    path = Path(word).expanduser()
    if path.is_dir():
        return _videos(path, recursive=recursive)
    if not path.exists():
        raise Failure(word, "no such file or folder", "check the path; an address of the web begins with http:// or https://")
    if not path.is_file():
        raise Failure(word, "neither a file nor a folder", "give a video file")
    return [str(path.absolute())]


def _checked_url(word: str) -> str:
    scheme = urlsplit(word).scheme.lower()
    if scheme in LATER_SCHEMES:
        raise not_yet(f"{word}: {LATER_SCHEMES[scheme]}", "files, folders and http(s) addresses can be added today")
    if scheme not in ("http", "https"):
        raise bad_usage(word, f"{scheme}:// is not an address of a video", "give a path, or an http:// or https:// address")
    return word


def _videos(folder: Path, *, recursive: bool) -> list[str]:
    found = sorted(str(path.absolute()) for path in _files(folder, recursive=recursive) if path.suffix.lower() in VIDEO_SUFFIXES)
    if not found:
        remedy = "name files one by one whatever they are called" if recursive else "--recursive looks into its folders too"
        raise Failure(str(folder), "no video files in this folder", remedy)
    return found


def _files(folder: Path, *, recursive: bool) -> Iterator[Path]:
    paths = folder.rglob("*") if recursive else folder.iterdir()
    return (path for path in paths if path.is_file() and not path.name.startswith("."))
