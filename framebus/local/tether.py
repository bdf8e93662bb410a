"""Run a command that dies with the process that started it: `python tether.py PARENT_PID SIGNAL COMMAND...`.

The kernel ties the signal to the *thread* that started the child, so children are started from threads that live as long
as the launcher. Standard library only: the file is run by its path, isolated, in about 20 ms.
"""

import ctypes
import os
import signal
import sys
from typing import Final

PR_SET_PDEATHSIG: Final = 1


def die_with_parent(parent_pid: int, death_signal: int = signal.SIGKILL) -> None:
    """Ask the kernel for `death_signal` when the parent ends; exit at once when `parent_pid` has already ended."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent_pid:
        sys.exit(f"process {parent_pid} has ended, so this one does too")


def tethered(command: tuple[str, ...], death_signal: int = signal.SIGKILL) -> tuple[str, ...]:
    """Return `command` wrapped so that it gets `death_signal` when the calling thread's process ends."""
    return (sys.executable, "-I", "-S", __file__, str(os.getpid()), str(int(death_signal)), *command)


def main(arguments: list[str]) -> None:
    """Tie this process to its parent and become the command."""
    parent_pid, death_signal, *command = arguments
    die_with_parent(int(parent_pid), int(death_signal))
    os.execvp(command[0], command)  # noqa: S606 (a list of words is what we want)


if __name__ == "__main__":
    main(sys.argv[1:])
