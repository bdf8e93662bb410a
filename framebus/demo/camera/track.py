"""What a camera sends: tracks as SDP describes them (RFC 8866), and the units that they consist of. Pure."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from framebus.demo.camera.rtp import Packets

VIDEO_PAYLOAD_TYPE: Final = 96


@dataclass(frozen=True)
class Track:
    """One RTP stream of a source: `encoding` and `parameters` are the rtpmap and fmtp of its description."""

    kind: Literal["video", "audio"]
    payload_type: int
    clock_rate: int
    encoding: str
    parameters: str = ""


@dataclass(frozen=True, slots=True)
class Unit:
    """An access unit or a packet of sound: shown at `pts_seconds`, sent at `send_seconds`, both from the start of its file."""

    track: int
    pts_seconds: float
    send_seconds: float
    entry: bool
    """A viewer may begin here: a keyframe, or any sound where there is no video."""
    packets: Packets


@dataclass(frozen=True)
class Stretch:
    """All of one track of a file."""

    track: Track
    units: tuple[Unit, ...]
    seconds: float


class Playback(Protocol):
    """A source that is being sent: seconds count on the clock of its mount."""

    @property
    def due_seconds(self) -> float:
        """When the next unit is to be sent."""
        ...

    def take(self, now_seconds: float) -> tuple[Unit, float]:
        """Return the next unit and its pts, in seconds on the clock of the mount."""
        ...


class Source(Protocol):
    """What a mount shows."""

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The RTP streams of the source, in the order of its description."""
        ...

    def playback(self, from_seconds: float) -> Playback:
        """Begin at `from_seconds` of the clock of the mount."""
        ...


def description(tracks: Sequence[Track], host: str) -> str:
    """Return the SDP of a camera."""
    lines = ["v=0", f"o=- 1 1 IN IP4 {host}", "s=camera", "t=0 0", "a=control:*", "a=range:npt=now-"]
    for number, track in enumerate(tracks):
        lines += [f"m={track.kind} 0 RTP/AVP {track.payload_type}", "c=IN IP4 0.0.0.0"]
        lines.append(f"a=rtpmap:{track.payload_type} {track.encoding}")
        if track.parameters:
            lines.append(f"a=fmtp:{track.payload_type} {track.parameters}")
        lines.append(f"a=control:trackID={number}")
    return "\r\n".join((*lines, ""))


def h264_track(sets: Sequence[bytes]) -> Track:
    """Return the track of an H.264 stream (RFC 6184 §8.1); the SPS is the first of its parameter sets."""
    listed = ",".join(map(_base64, sets))
    described = f"packetization-mode=1;profile-level-id={sets[0][1:4].hex()};sprop-parameter-sets={listed}"
    return Track("video", VIDEO_PAYLOAD_TYPE, 90_000, "H264/90000", described)


def h265_track(sets: Sequence[bytes]) -> Track:
    """Return the track of an H.265 stream (RFC 7798 §7.1)."""
    names = {32: "sprop-vps", 33: "sprop-sps", 34: "sprop-pps"}
    described = ";".join(f"{names[unit[0] >> 1 & 0x3F]}={_base64(unit)}" for unit in sets)
    return Track("video", VIDEO_PAYLOAD_TYPE, 90_000, "H265/90000", described)


def aac_track(config: bytes, rate: int, channels: int) -> Track:
    """Return the track of AAC sound (RFC 3640 §4.1); `config` is the AudioSpecificConfig."""
    lengths = "sizelength=13;indexlength=3;indexdeltalength=3"
    described = f"streamtype=5;profile-level-id=1;mode=AAC-hbr;{lengths};config={config.hex()}"
    return Track("audio", 97, rate, f"MPEG4-GENERIC/{rate}/{channels}", described)


def g711_track(law: Literal["pcmu", "pcma"]) -> Track:
    """Return the track of G.711 sound: static payload types (RFC 3551 §6)."""
    return Track("audio", 0 if law == "pcmu" else 8, 8_000, f"{law.upper()}/8000")


def _base64(unit: bytes) -> str:
    return base64.b64encode(unit).decode()
