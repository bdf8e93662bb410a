"""Why media are not shown, as problem documents."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from services.query.media.cutting import SpanTooLongError
from services.query.media.deadline import OutOfTimeError
from services.query.media.original import GoneError, NothingThereError, UnreadableError
from services.query.problems import Problem, invalid

NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def gone() -> Problem:
    """Return the problem of media whose life has ended, or whose file was removed to make room, while they were made or sent."""
    detail = "what shows this was removed in this moment: ask again, if its source is still there"
    return Problem(404, "nothing-recorded", detail, headers={"Cache-Control": "no-store"})


@contextmanager
def refusing() -> Iterator[None]:
    """Turn the failures of media work into the problems that a caller understands."""
    try:
        with storing():
            yield
    except SpanTooLongError as error:
        raise invalid("end_ms", str(error)) from None
    except (GoneError, NothingThereError) as error:
        raise Problem(404, "nothing-recorded", str(error)) from None
    except FileNotFoundError:  # of our own files: an original that is gone is a GoneError
        raise gone() from None
    except UnreadableError as error:
        raise Problem(502, "media-unreadable", str(error)) from None
    except OutOfTimeError as error:
        raise Problem(504, "out-of-time", str(error)) from None


@contextmanager
def storing() -> Iterator[None]:
    """Turn a disk that takes nothing more into the problem of a store that is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise Problem(507, "disk-full", f"the media store takes nothing more ({os.strerror(error.errno)}): make room") from None
