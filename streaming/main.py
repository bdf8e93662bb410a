"""The outermost function of every service: logs, signals, exit codes."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

from streaming.logs import configure, get_logger
from streaming.settings import SettingError

OK, FAILED, BAD_SETTING = 0, 1, 2


def run_service(service: str, body: Callable[[threading.Event], None]) -> NoReturn:
    """Run `body` until SIGTERM or SIGINT sets its event, then exit 0; exit 2 for a bad setting, 1 for anything unexpected.

    This is the one place that catches every exception: it is logged once, nothing more is committed, and the process ends.
    It ends at once, so that no thread of a library can keep a failed process alive.
    """
    configure(service)
    log = get_logger("main")
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
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
