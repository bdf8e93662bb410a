"""The failures of a process; `schemas.errors.InvalidMessage` is that of a message. Anything else ends the process."""


class Unavailable(Exception):  # noqa: N818  the name of the design, and what it is
    """A dependency does not answer. Whoever waits keeps what it holds and calls again."""


class Stopped(Exception):  # noqa: N818  no error: the process was asked to stop while it waited
    """The process is stopping, so what it waited for will be done by whoever reads the same records next."""


class FuseBlown(RuntimeError):  # noqa: N818  what happened, in the words of the design
    """Records of many sources were refused and none went through: we are broken, not they."""
