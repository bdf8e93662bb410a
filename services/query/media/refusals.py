"""Why media are not shown, as problem documents."""

from collections.abc import Iterator
from contextlib import contextmanager

from schemas.messages import Source
from services.query.media.cutting import SpanTooLongError
from services.query.media.deadline import OutOfTimeError
from services.query.media.original import GoneError, NothingThereError, UnreadableError
from services.query.problems import Problem, invalid, not_yet


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


def address_of(source: Source) -> str:
    """Return the address of a file's media, or raise the problem of a source that keeps none."""
    if source.kind == "camera":
        raise not_yet("clips and thumbnails of cameras")
    if source.kind == "push" or source.url is None:
        detail = f"source {source.source_id} is fed with single pictures: only their thumbnails are kept, there is no clip"
        raise Problem(404, "only-thumbnails-kept", detail)
    return source.url
