"""Those who watch in tests: PyAV as a viewer, and RTSP spoken by hand."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, Literal, Self

import av

Transport = Literal["tcp", "udp"]
QUICKLY = {"probesize": "32", "analyzeduration": "0"}


@contextmanager
def watching(url: str, transport: Transport = "tcp", within_seconds: float = 3.0) -> Iterator[Any]:
    """Open a camera; `within_seconds` is how long opening and each read may take (a read ends after twice that)."""
    options = {**QUICKLY, "rtsp_transport": transport}
    with av.open(url, options=options, timeout=(within_seconds, within_seconds)) as container:
        yield container


def frames(container: Any, count: int) -> list[av.VideoFrame]:
    """Return the next frames; FFmpeg gives the first one of an RTSP session no pts, so it is left out."""
    return list(islice((frame for frame in container.decode(video=0) if frame.pts is not None), count))


def seconds(frame: av.VideoFrame) -> float:
    """Return where a frame stands on the timeline of its connection."""
    assert frame.pts is not None
    assert frame.time_base is not None
    return float(frame.pts * frame.time_base)


class Caller:
    """A client that speaks RTSP line by line over one connection."""

    def __init__(self, port: int) -> None:
        self.connection = socket.create_connection(("127.0.0.1", port), timeout=3.0)
        self._file = self.connection.makefile("rb")
        self._asked = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.connection.close()

    def ask(self, method: str, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
        """Send a request and return status, headers and body of its answer."""
        self._asked += 1
        address = f"rtsp://127.0.0.1:{self.connection.getpeername()[1]}/{path}"
        lines = [f"{method} {address} RTSP/1.0", f"CSeq: {self._asked}", *(f"{name}: {said}" for name, said in headers.items())]
        self.connection.sendall("\r\n".join((*lines, "", "")).encode())
        status = int(self._file.readline().split()[1])
        answered = dict(re.split(r": *", line.strip().decode(), maxsplit=1) for line in iter(self._file.readline, b"\r\n"))
        assert answered["CSeq"] == str(self._asked)
        return status, answered, self._file.read(int(answered["Content-Length"])).decode()
