"""A camera server: looping files and drawn scenes as live RTSP cameras, with faults as knobs that a caller turns while it runs.

    from framebus.demo.camera import CameraServer, read_clip

    with CameraServer({"gate": read_clip(Path("street.mp4"))}, login=("cam", "secret")) as server:
        address = server.url("gate")            # rtsp://cam:secret@127.0.0.1:PORT/gate
        gate = server.mount("gate")
        gate.faults.stalled = True              # stays connected, sends nothing
        gate.faults.clock_skew_seconds = 3600.0 # sender reports are an hour ahead
        server.go_down()                        # every connection ends, new ones are refused
        server.come_back()                      # on the same port, as after a restart

H.264 and H.265 over TCP and UDP, B-frames, AAC and G.711 sound, sender reports, digest authentication. A mount is one RTP stream
with many viewers: each unit is stamped once and written once to each. The clock of a mount never breaks where its file loops.
A `LiveScene` is drawn and encoded while it is sent: its pictures can show the time (`timecode`), which a test reads from pixels.

As a process: `python -m framebus.demo.camera --port 8554 gate=street.mp4`.
"""

from framebus.demo.camera.clip import Clip, read_clip
from framebus.demo.camera.faults import Faults
from framebus.demo.camera.mount import Mount
from framebus.demo.camera.scene import LiveScene
from framebus.demo.camera.server import CameraServer
from framebus.demo.camera.video import NotServable

__all__ = ["CameraServer", "Clip", "Faults", "LiveScene", "Mount", "NotServable", "read_clip"]
