"""One RTSP connection: requests in, answers and, over TCP, media out."""

import asyncio
import os
import re
import secrets
from collections.abc import Mapping
from typing import Final

from framebus.demo.camera.datagrams import Datagrams, UdpPair
from framebus.demo.camera.digest import challenge, is_authorized
from framebus.demo.camera.mount import Mount
from framebus.demo.camera.rtsp import METHODS, NotRtsp, Request, Response, parse_request
from framebus.demo.camera.track import description
from framebus.demo.camera.viewer import Interleaved, Viewer

REQUEST_BYTES_LIMIT: Final = 1 << 16
NOISE_BYTES: Final = 4096
SESSION_TIMEOUT_SECONDS: Final = 60


class Session:
    """Answers the requests of one connection; it has at most one RTSP session, which ends with it."""

    def __init__(
        self, mounts: Mapping[str, Mount], reader: asyncio.StreamReader, writer: asyncio.StreamWriter, udp: UdpPair
    ) -> None:
        self._mounts, self._reader, self._writer, self._udp = mounts, reader, writer, udp
        self._nonce = secrets.token_hex(16)
        self._id = secrets.token_hex(4)
        self._viewer = Viewer()
        self._mount: Mount | None = None
        self._playing = False

    async def run(self) -> None:
        """Answer until the connection ends, from either side."""
        try:
            while (request := await self._request()) is not None:
                self._answer(request)
                await self._writer.drain()
                if request.method == "TEARDOWN":
                    return
        except (ConnectionError, NotRtsp, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        finally:
            if self._mount is not None:
                self._mount.leave(self._viewer)
            self._writer.close()

    def abort(self) -> None:
        """End the connection at once; what is not sent yet never will be."""
        self._writer.transport.abort()

    def watches(self, mount: Mount) -> bool:
        """Return whether the session belongs to a mount."""
        return self._mount is mount

    async def _request(self) -> Request | None:
        while True:
            first = await self._reader.read(1)
            if not first:
                return None
            if first == b"$":  # a receiver report, which nobody reads
                _, *length = await self._reader.readexactly(3)
                await self._reader.readexactly(int.from_bytes(length))
                continue
            request = parse_request(first + await self._reader.readuntil(b"\r\n\r\n"))
            await self._reader.readexactly(_length(request))
            return request

    def _answer(self, request: Request) -> None:
        mount = self._mounts.get(request.mount)
        if mount is not None and mount.faults.silent:
            return
        if mount is not None and mount.faults.garbage == "answers":
            self._writer.write(os.urandom(NOISE_BYTES))
            return
        response = self._response(request, mount)
        self._writer.write(response.encode(request))
        if mount is not None and request.method == "PLAY" and response.status == 200 and not self._playing:
            self._playing = True
            mount.join(self._viewer)

    def _response(self, request: Request, mount: Mount | None) -> Response:
        if request.method not in METHODS:
            return Response(501)
        if request.method == "OPTIONS":
            return Response(headers={"Public": ", ".join(METHODS)})
        if mount is None:
            return Response(404)
        return self._refusal(request, mount) or self._permitted(request, mount)

    def _refusal(self, request: Request, mount: Mount) -> Response | None:
        if mount.faults.status is not None:
            return Response(mount.faults.status)
        if mount.faults.moved_to:
            return Response(302, {"Location": mount.faults.moved_to})
        said = request.headers.get("authorization", "")
        if mount.login is not None and not is_authorized(said, request.method, mount.login, self._nonce):
            return Response(401, {"WWW-Authenticate": challenge(self._nonce)})
        return None

    def _permitted(self, request: Request, mount: Mount) -> Response:
        if request.method == "DESCRIBE":
            return self._describe(request, mount)
        if request.method == "SETUP":
            return self._set_up(request, mount)
        return self._within_session(request, mount)

    def _describe(self, request: Request, mount: Mount) -> Response:
        headers = {"Content-Base": request.url.rstrip("/") + "/", "Content-Type": "application/sdp"}
        return Response(headers=headers, body=description(mount.tracks, self._writer.get_extra_info("sockname")[0]))

    def _set_up(self, request: Request, mount: Mount) -> Response:
        asked, track = request.headers.get("transport", ""), request.track or 0
        if track >= len(mount.tracks):
            return Response(404)
        if self._playing or self._mount not in (None, mount):
            return Response(455)
        ports = re.search(r"client_port=(\d+)-(\d+)", asked)
        if not asked or mount.faults.refused_transport == ("udp" if ports else "tcp"):
            return Response(461)
        chosen = self._over_udp(track, mount, int(ports[1]), int(ports[2])) if ports else self._over_tcp(track, asked)
        self._mount = mount
        return Response(headers={"Transport": chosen, "Session": f"{self._id};timeout={SESSION_TIMEOUT_SECONDS}"})

    def _over_udp(self, track: int, mount: Mount, rtp_port: int, rtcp_port: int) -> str:
        host = self._writer.get_extra_info("peername")[0]
        self._viewer.deliveries[track] = Datagrams(self._udp, host, (rtp_port, rtcp_port), mount.faults.seed)
        return f"RTP/AVP;unicast;client_port={rtp_port}-{rtcp_port};server_port={self._udp.ports}"

    def _over_tcp(self, track: int, asked: str) -> str:
        channels = re.search(r"interleaved=(\d+)", asked)
        channel = int(channels[1]) & 0xFE if channels else 2 * track
        self._viewer.deliveries[track] = Interleaved(self._writer.transport, channel)
        return f"RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1}"

    def _within_session(self, request: Request, mount: Mount) -> Response:
        if request.method == "GET_PARAMETER" and not request.session:
            return Response()
        if request.session != self._id or self._mount is not mount:
            return Response(454)
        headers = {"Session": self._id}
        if request.method == "PLAY":
            headers["Range"] = "npt=now-"
            where = self._rtp_info(request, mount)
            if where:
                headers["RTP-Info"] = where
        return Response(headers=headers)

    def _rtp_info(self, request: Request, mount: Mount) -> str:
        """Return what tells a client with which packet each track begins: it then counts from there, not from a report."""
        begins = mount.first_packets()
        base = request.url.rstrip("/")
        known = {track: begins[track] for track in self._viewer.deliveries if track in begins}
        return ",".join(f"url={base}/trackID={track};seq={seq};rtptime={time}" for track, (seq, time) in known.items())


def _length(request: Request) -> int:
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > REQUEST_BYTES_LIMIT:
        raise NotRtsp(f"a body of {length!r} bytes")
    return int(length)
