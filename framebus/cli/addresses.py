"""What `framebus add` is given: files, folders and URLs, turned into addresses of sources. None is printed with its password."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

from framebus.cli.failure import Failure, bad_usage, not_yet
from framebus.client.client import PERCENT_ENCODING
from streaming.secrets import shown

VIDEO_SUFFIXES: Final = frozenset((".mp4", ".m4v", ".mkv", ".webm", ".mov", ".ts", ".m2ts", ".avi", ".mpg", ".mpeg"))
WITH_PASSWORDS: Final = ("http", "https", "rtsp", "rtsps")
LATER_SCHEMES: Final = {"s3": "s3 addresses"}


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
        remedy = "check the path; an address of the web begins with http:// or https://, one of a camera with rtsp://"
        raise Failure(shown(word), "no such file or folder", remedy)
    if not path.is_file():
        raise Failure(word, "neither a file nor a folder", "give a video file")
    return [str(path.absolute())]


def _checked_url(word: str) -> str:
    scheme = word.partition("://")[0].lower()
    if scheme in LATER_SCHEMES:
        raise not_yet(f"{shown(word)}: {LATER_SCHEMES[scheme]}", "files, folders, http(s) and rtsp(s) addresses can be added")
    if scheme not in WITH_PASSWORDS:
        remedy = "give a path, or an http(s):// or rtsp(s):// address"
        raise bad_usage(shown(word), f"{scheme}:// is not an address of a video", remedy)
    try:
        urlsplit(word)
    except ValueError:  # its text would quote a password
        raise bad_usage(shown(word), "not an address", PERCENT_ENCODING) from None
    return word


def with_password(address: str, password: str) -> str:
    """Return an address with the password of the user that it names."""
    parts = urlsplit(address)
    user, at, host = parts.netloc.rpartition("@")
    if parts.scheme.lower() not in WITH_PASSWORDS or not at or ":" in user:
        raise bad_usage(shown(address), "takes no password", "--password-file is for rtsp://USER@HOST/PATH, or http(s)")
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(password, safe='')}@{host}"))


def _videos(folder: Path, *, recursive: bool) -> list[str]:
    found = sorted(str(path.absolute()) for path in _files(folder, recursive=recursive) if path.suffix.lower() in VIDEO_SUFFIXES)
    if not found:
        remedy = "name files one by one whatever they are called" if recursive else "--recursive looks into its folders too"
        raise Failure(str(folder), "no video files in this folder", remedy)
    return found


def _files(folder: Path, *, recursive: bool) -> Iterator[Path]:
    paths = folder.rglob("*") if recursive else folder.iterdir()
    return (path for path in paths if path.is_file() and not path.name.startswith("."))
