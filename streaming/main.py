"""The outermost function of every service: logs, signals, exit codes."""

import faulthandler
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Final, NoReturn

from streaming.logs import configure, get_logger
from streaming.settings import SettingError

OK, FAILED, BAD_SETTING = 0, 1, 2
STOP_SECONDS: Final = 25.0
"""Who is asked to stop is ended by then, and says where it stood: Kubernetes would kill it after 30 s without a word."""
ASKED: Final = (signal.SIGTERM, signal.SIGINT)


def run_service(service: str, body: Callable[[threading.Event], None], *, stop_seconds: float = STOP_SECONDS) -> NoReturn:
    """Run `body` until SIGTERM or SIGINT sets its event, then exit 0; exit 2 for a bad setting, 1 for anything unexpected.

    Who has not ended `stop_seconds` later, as where a library waits for a server that is away, tells where all its threads are
    and exits 1. Nothing is lost by that: what was not committed is done again.

    This is the one place that catches every exception: it is logged once, nothing more is committed, and the process ends.
    It ends at once, so that no thread of a library can keep a failed process alive.
    """
    configure(service)
    log = get_logger("main")
    stopping = threading.Event()
    _set_when_asked(stopping, stop_seconds)
    code = OK
    try:
        body(stopping)
        log.info("stopped")
    except SettingError as error:
        log.error("bad setting", reason=str(error))  # noqa: TRY400  a setting needs no stack trace
        code = BAD_SETTING
    except Exception:
        log.exception("failed")
        code = FAILED
    sys.stderr.flush()
    os._exit(code)


def _set_when_asked(stopping: threading.Event, stop_seconds: float) -> None:
    """Set the event at each such signal, from a thread: Python's own handlers wait for a main thread that hangs in a library."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in ASKED:
        signal.signal(number, lambda *_: None)

    def listen() -> None:
        is_asked = False
        while True:
            if os.read(reader, 1)[0] in ASKED:
                if not is_asked:
                    faulthandler.dump_traceback_later(stop_seconds, exit=True)
                is_asked = True
                stopping.set()

    threading.Thread(target=listen, name="signals", daemon=True).start()
