"""Files that are made to harm: bombs, lies about sizes, rare shapes and colours, and playlists that point elsewhere."""

import shutil
import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Final

from tests.broken.films import REWRITTEN, rewritten
from tests.broken.seeds import jpeg
from tests.decoder.footage import write_refused, write_video

ELSEWHERE: Final = (
    "file:///etc/passwd", "/etc/passwd", "http://127.0.0.1:{port}/v.mp4", "data:video/mp4;base64,AAAA", "concat:a.mp4|b.mp4",
)  # fmt: skip
PLAYLISTS: Final = {
    "m3u8": '#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXT-X-MAP:URI="{address}"\n#EXTINF:9,\n{address}\n#EXT-X-ENDLIST\n',
    "ffconcat": "ffconcat version 1.0\nfile '{address}'\nfile 'whole.mp4'\n",
    "sdp": "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns={address}\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video {port} RTP/AVP 96\r\n"
    "a=rtpmap:96 H264/90000\r\n",
    "mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>'
    '<Representation id="1"><BaseURL>{address}</BaseURL></Representation></AdaptationSet></Period></MPD>',
    "ram": "{address}\n",
}
"""Of every kind that FFmpeg knows as a way to other files."""


def hostile(folder: Path, port: int = 9) -> Iterator[Path]:
    """Write the files one after the other: `port` is one of this machine that nobody may ask."""
    mp4 = write_video(folder / "whole.mp4", list(range(0, 2_000, 80)))
    mkv = write_video(folder / "whole.mkv", list(range(0, 2_000, 80)), codec="mjpeg", pixels="yuvj420p")
    yield from playlists(folder, port)
    fragments = rewritten(mp4, folder / "whole-fragments.mp4", REWRITTEN["fragments.mp4"])
    (folder / "run.mp4").write_bytes(_patched(fragments.read_bytes(), b"trun", 4, 0x03000000))
    yield folder / "run.mp4"
    yield from lies(folder, mp4.read_bytes(), mkv.read_bytes())
    yield from rarities(folder)
    yield Path(shutil.copy(mp4, folder / "named-matroska.mkv"))
    yield Path(shutil.copy(mkv, folder / "named-mp4.mp4"))


def playlists(folder: Path, port: int) -> Iterator[Path]:
    """Write playlists under their own names and as videos."""
    for kind, text in PLAYLISTS.items():
        for number, address in enumerate(ELSEWHERE):
            for suffix in (kind, "mp4"):
                path = folder / f"{kind}-{number}.{suffix}"
                path.write_text(text.format(address=address.format(port=port), port=port))
                yield path


def lies(folder: Path, mp4: bytes, mkv: bytes) -> Iterator[Path]:
    """Write files that say they are larger than anything, or are no video at all."""
    contents = {
        "nothing.mp4": b"",
        "one-byte.mkv": b"\x1a",
        "text.mp4": b"This is no video.\n" * 500,
        "picture.mp4": jpeg(),
        "zeros.ts": bytes(100_000),
        "packets.ts": (b"\x47\x1f\xff\x10" + bytes(184)) * 5_000,
        "bomb.mkv": b"".join(_with_size(part) for part in _parts(mkv)),
        "index.mp4": mp4.replace(b"moov", b"free"),
        "samples.mp4": _patched(mp4, b"stsz", 12, 0xFFFFFFFF),
        "chunks.mp4": _patched(mp4, b"stco", 8, 0x7FFFFFFF),
        "durations.mp4": _patched(mp4, b"stts", 8, 0xFFFFFFFF),
        "size.mp4": _patched(mp4, b"moov", -4, 0xFFFFFFFF),
        "other-file.mp4": mp4.replace(b"url \0\0\0\1", b"url \0\0\0\0"),
        "nested.mp4": mp4[:32] + struct.pack(">I4s", 8, b"moov") * 50_000,
        "endless.mkv": mkv[: mkv.index(b"\x1a\x45\xdf\xa3") + 60] + b"\x1f\x43\xb6\x75\x01\xff\xff\xff\xff\xff\xff\xff" * 10_000,
    }  # fmt: skip
    for name, content in contents.items():
        (folder / name).write_bytes(content)
        yield folder / name


def rarities(folder: Path) -> Iterator[Path]:
    """Write videos that are whole, and that FFmpeg's scaler or the JPEG encoder refuses as they are."""
    for matrix in ("YCgCo", "bt2020c", "ictcp"):
        options = {"x264-params": f"colormatrix={matrix}"}
        yield write_video(folder / f"{matrix}.mp4", range(0, 2_000, 80), pixels="yuv420p10le", options=options)
    yield write_video(folder / "wide.mkv", (0, 400, 800), size=(70_000, 16), codec="ffv1")
    yield write_video(folder / "stretched.mp4", (0, 400, 800), size=(16_384, 16), sample_aspect=Fraction(8))
    yield write_refused(folder / "noise.mp4")


def _parts(mkv: bytes) -> list[bytes]:
    """Cut a Matroska file of JPEGs before each picture."""
    pieces = mkv.split(b"\xff\xd8")
    return [pieces[0], *(b"\xff\xd8" + piece for piece in pieces[1:])]


def _with_size(part: bytes) -> bytes:
    """Say that a JPEG has 65,500 x 65,500 pixels."""
    at = part.find(b"\xff\xc0")
    return part if at < 0 else part[: at + 5] + struct.pack(">HH", 65_500, 65_500) + part[at + 9 :]


def _patched(content: bytes, box: bytes, after: int, number: int) -> bytes:
    """Write a number some bytes behind the name of a box, or before it."""
    at = content.index(box) + (4 + after if after >= 0 else after)
    return content[:at] + struct.pack(">I", number) + content[at + 4 :]
