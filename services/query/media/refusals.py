"""Why media are not shown, as problem documents."""

from collections.abc import Iterator
from contextlib import contextmanager

from services.query.media.cutting import SpanTooLongError
from services.query.media.deadline import OutOfTimeError
from services.query.media.original import GoneError, NothingThereError, UnreadableError
from services.query.problems import Problem, invalid


@contextmanager
def refusing() -> Iterator[None]:
    """Turn the failures of media work into the problems that a caller understands."""
    try:
        yield
    except SpanTooLongError as error:
        raise invalid("end_ms", str(error)) from None
    except (GoneError, NothingThereError) as error:
        raise Problem(404, "nothing-recorded", str(error)) from None
    except UnreadableError as error:
        raise Problem(502, "media-unreadable", str(error)) from None
    except OutOfTimeError as error:
        raise Problem(504, "out-of-time", str(error)) from None
