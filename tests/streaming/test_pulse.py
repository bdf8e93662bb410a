"""A process that stood still is not sure of what it holds until it was awake for a while."""

import os
import signal
import subprocess
import sys
import time

from streaming.pulse import BEAT_SECONDS, HEARING_SECONDS, STILL_SECONDS, Pulse


class Clock:
    """A clock that is put forward."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def beats(pulse: Pulse, clock: Clock, seconds: float) -> None:
    """Let time pass with a beat at each of its steps."""
    end = clock.at + seconds
    while clock.at < end:
        clock.at += BEAT_SECONDS
        pulse.beat()


def test_it_is_sure_while_it_beats_and_not_from_when_it_stood_still_until_it_has_heard() -> None:
    clock = Clock()
    pulse = Pulse(clock)
    assert pulse.is_sure()
    beats(pulse, clock, 60.0)
    assert pulse.is_sure()
    clock.at += STILL_SECONDS + 0.1
    assert not pulse.is_sure(), "whoever asks first after the sleep is told, before the next beat"
    pulse.beat()
    assert not pulse.is_sure()
    beats(pulse, clock, HEARING_SECONDS - 2 * BEAT_SECONDS)
    assert not pulse.is_sure()
    beats(pulse, clock, 2 * BEAT_SECONDS)
    assert pulse.is_sure()


FROZEN = """
import sys, time
from streaming.pulse import Pulse
pulse = Pulse().start()
while True:
    print(pulse.is_sure(), flush=True)
    time.sleep(0.01)
"""


def test_a_process_that_is_stopped_is_not_sure_when_it_goes_on() -> None:
    with subprocess.Popen([sys.executable, "-c", FROZEN], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(STILL_SECONDS + 0.5)  # for as long as it takes: the frozen process is what is looked at
        os.kill(process.pid, signal.SIGCONT)
        lines = [process.stdout.readline() for _ in range(50)]
        while process.stdout.readline() != "True\n":
            pass
        process.kill()
    said = [line for line in lines if line in ("True\n", "False\n")]  # the rest is logged
    assert "False\n" in said
    first = said.index("False\n")
    assert set(said[first:]) == {"False\n"}
