"""`python -m framebus.demo.camera --port 8554 gate=street.mp4 door=walk.mkv`: looping cameras until Ctrl-C or SIGTERM."""

import argparse
import signal
import sys
from contextlib import suppress
from pathlib import Path

from framebus.demo.camera.clip import read_clip
from framebus.demo.camera.scene import LiveScene
from framebus.demo.camera.server import CameraServer
from framebus.demo.camera.track import Source
from framebus.demo.camera.video import NotServable

CLOCK = "clock"


def main() -> int:
    """Serve; prints the address of every camera, then `ready`."""
    parser = argparse.ArgumentParser(prog="python -m framebus.demo.camera", description="Serve files as looping RTSP cameras.")
    parser.add_argument(
        "cameras", nargs="+", metavar="NAME=FILE", help="a camera's name and its H.264 or H.265 file; NAME=clock draws the time"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    parser.add_argument("--login", metavar="USER:PASSWORD", help="ask for digest authentication")
    parser.add_argument("--copies", type=int, default=1, help="serve each file this often, as NAME-1, NAME-2, ...")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sources = read_sources(arguments.cameras, arguments.copies)
    except (NotServable, OSError) as error:
        parser.error(str(error))
    user, _, password = (arguments.login or "").partition(":")
    login = (user, password) if user else None
    with suppress(KeyboardInterrupt):
        serve(
            CameraServer(sources, host=arguments.host, port=arguments.port, login=login, staggered=arguments.copies > 1), sources
        )
    return 0


def read_sources(cameras: list[str], copies: int) -> dict[str, Source]:
    """Return the sources by name; each file is read once."""
    sources: dict[str, Source] = {}
    for camera in cameras:
        name, _, path = camera.partition("=")
        source = LiveScene() if path == CLOCK else read_clip(Path(path))
        names = [name] if copies == 1 else [f"{name}-{number}" for number in range(1, copies + 1)]
        sources.update(dict.fromkeys(names, source))
    return sources


def serve(server: CameraServer, names: dict[str, Source]) -> None:
    """Serve until a signal comes."""
    with server:
        for name in names:
            print(server.url(name))
        print("ready", flush=True)
        while True:
            signal.pause()


if __name__ == "__main__":
    sys.exit(main())
