"""The cameras of a run, each with a server of its own, and the faults that fall on them."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from itertools import cycle
from types import TracebackType
from typing import Final, Self

from framebus.demo.camera import CameraServer
from tests.chaos.camera_relay import HOST, CameraRelay
from tests.chaos.faults import Fault, Kind
from tests.chaos.films import Form, camera
from tests.chaos.ordeal import Steps
from tests.chaos.processes import now_ms
from tests.chaos.returns import Return

NAME: Final = "scene"
SMALL, LARGE = ((160, 96), 10.0), ((224, 128), 8.0)
SKEWS_SECONDS: Final = (1.4, -7200.0, -1.4, 3600.0)
"""The first and the third are believed: a clock that is less than two seconds off is taken for the right one."""
JUMPS_SECONDS: Final = (600.0, -900.0, 5.0)
WRAP_MODULUS, TICKS = 1 << 32, 90_000
BEFORE_WRAP_SECONDS: Final = 3.0
LEFT_ALONE_SECONDS: Final = 4.0
"""After a fault: so long a camera that is back may take to be sampled, and a little more."""

AWAY: Final[tuple[Kind, ...]] = ("kill", "freeze", "stall", "resize", "recode")
ENDS_RUN: Final[tuple[Kind, ...]] = ("kill", "stall", "resize", "recode", "jump", "wrap")
"""What comes over a connection that was frozen for a short time is late, and nothing of it is missing."""


class Camera:
    """A camera, watched over UDP that loses packets, or over TCP.

    Attributes:
        busy: a fault is on it, or it has just come back from one: none other begins.
        faults: how many fell on it.
    """

    def __init__(self, source_id: str, number: int, *, over_udp: bool) -> None:
        self.source_id, self.busy, self.faults = source_id, False, 0
        self._number, self._over_udp, self._form = number, over_udp, Form()
        self.server = CameraServer({NAME: camera(number, self._form)})

    def start(self, running: ExitStack) -> None:
        """Send until the stack is left."""
        running.enter_context(self.server)
        self.relay = running.enter_context(CameraRelay(self.server.port, seed=self._number))

    @property
    def url(self) -> str:
        """Its address."""
        return f"rtsp://{HOST}:{self.relay.port}/{NAME}{'#udp' if self._over_udp else ''}"

    def go_down(self) -> None:
        """Be gone, as a server is that was killed."""
        self.relay.refuse()
        self.server.go_down()

    def come_back(self) -> None:
        """Be there again, on the same port."""
        self.server.come_back()
        self.relay.accept()

    def resize(self) -> None:
        """Show the same in another size, at another rate."""
        size, fps = SMALL if self._form.size == LARGE[0] else LARGE
        self._show(replace(self._form, size=size, fps=fps))

    def recode(self) -> None:
        """Show the same in the other codec."""
        self._show(replace(self._form, codec="h264" if self._form.codec == "hevc" else "hevc"))

    def stall(self, *, stalled: bool) -> None:
        """Answer everybody and send nothing."""
        self.server.mount(NAME).faults.stalled = stalled

    def skew(self, seconds: float) -> None:
        """Let the reports tell a time that is this far ahead."""
        self.server.mount(NAME).faults.clock_skew_seconds = seconds

    def report_every(self, seconds: float | None) -> None:
        """Send reports so often, or none."""
        self.server.mount(NAME).faults.report_every_seconds = seconds

    def jump(self, seconds: float) -> None:
        """Let timestamps lie this far from where they began."""
        self.server.mount(NAME).faults.timestamp_jump_seconds = seconds

    def before_wrap_seconds(self) -> float:
        """Return how far timestamps are from where they wrap, less a moment."""
        while not (begins := self.server.mount(NAME).first_packets()):
            time.sleep(0)  # between two GOPs
        ((_, timestamp),) = begins.values()
        return (WRAP_MODULUS - timestamp) / TICKS - BEFORE_WRAP_SECONDS

    def _show(self, form: Form) -> None:
        self._form = form
        self.server.switch(NAME, camera(self._number, form))


class Cameras:
    """The cameras of a run, while its block runs; the last `over_udp` are watched over UDP."""

    def __init__(self, prefix: str, count: int, over_udp: int, tell: Callable[[str], None]) -> None:
        self.all = [
            Camera(f"{prefix}-{number}", number, over_udp=number > count - over_udp) for number in range(1, count + 1)
        ]  # fmt: skip
        self.returns: list[Return] = []
        self._tell = tell
        self._running = ExitStack()
        self._skews, self._jumps = cycle(SKEWS_SECONDS), cycle(JUMPS_SECONDS)

    def __enter__(self) -> Self:
        with ExitStack() as running:
            for one in self.all:
                one.start(running)
            self._running = running.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._running.close()

    @property
    def urls(self) -> dict[str, str]:
        """The address of each."""
        return {one.source_id: one.url for one in self.all}

    def notes(self) -> list[str]:
        """Return what the way of those that are watched over UDP has lost."""
        counted = Counter[bool]()
        for one in self.all:
            counted += one.relay.datagrams
        return [f"{counted[True]} of {counted.total()} datagrams of cameras were lost on the way"] if counted else []

    def begin(self, fault: Fault) -> Steps | None:
        """Return a fault's steps, None while no camera is free."""
        free = [one for one in self.all if not one.busy]
        if not free:
            return None
        victim = min(free, key=lambda one: one.faults)
        victim.busy, victim.faults = True, victim.faults + 1
        return self._on(victim, fault)

    def _on(self, victim: Camera, fault: Fault) -> Steps:
        began_ms = now_ms()
        undo = self._done(victim, fault.kind)
        if fault.kind not in AWAY:
            self._is_back(victim, fault.kind, began_ms)
            yield LEFT_ALONE_SECONDS
        yield fault.lasts_seconds
        began_ms = began_ms if fault.kind in AWAY else now_ms()
        undo()
        self._is_back(victim, fault.kind, began_ms)
        yield LEFT_ALONE_SECONDS
        victim.busy = False

    def _done(self, victim: Camera, kind: Kind) -> Callable[[], None]:
        """Do it; return what undoes it."""
        if kind == "freeze":
            victim.relay.hold()
            return victim.relay.release
        if kind == "stall":
            victim.stall(stalled=True)
            return lambda: victim.stall(stalled=False)
        if kind == "skew":
            victim.skew(next(self._skews))
            return lambda: victim.skew(0.0)
        if kind == "unreported":
            victim.report_every(None)
            return lambda: victim.report_every(1.0)
        if kind in ("jump", "wrap"):
            victim.jump(next(self._jumps) if kind == "jump" else victim.before_wrap_seconds())
            return lambda: victim.jump(0.0)
        return self._downed(victim, kind)

    def _downed(self, victim: Camera, kind: Kind) -> Callable[[], None]:
        victim.go_down()
        if kind == "resize":
            victim.resize()
        elif kind == "recode":
            victim.recode()
        return victim.come_back

    def _is_back(self, victim: Camera, kind: Kind, began_ms: int) -> None:
        back_ms = now_ms()
        self.returns.append(Return(victim.source_id, kind, began_ms, back_ms, ends_run=kind in ENDS_RUN))
        if kind in AWAY:
            self._tell(f"{victim.source_id} is back, {(back_ms - began_ms) / 1000:.1f} s after {kind}")
