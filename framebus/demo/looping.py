"""The camera of the demonstration: a clip that loops as a live RTSP camera, in a process of its own."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from framebus.local.places import python_environment
from framebus.local.tether import tethered

READY = "ready"


class CameraDidNotStart(Exception):  # noqa: N818  it is what happened
    """The camera server ended before it was ready; the text is what it said."""


@contextmanager
def looping_camera(clip: Path) -> Iterator[str]:
    """Serve a clip on a free port of this machine and yield its address; the server is stopped at the end."""
    command = (sys.executable, "-m", "framebus.demo.camera", f"{clip.stem}={clip}")
    # A session of its own: Ctrl-C reaches the demonstration alone, which stops the camera after those who watch it.
    process = subprocess.Popen(
        tethered(command, signal.SIGTERM),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=python_environment(),
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout as said, process.stderr as complaints:
        try:
            address, ready = said.readline().strip(), said.readline().strip()
            if ready != READY:
                raise CameraDidNotStart(complaints.read().strip() or "the camera server ended")
            yield address
        finally:
            process.terminate()
            process.wait()
