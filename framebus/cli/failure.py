"""How a command fails in front of a person: what was given, what is wrong, what to do."""

from typing import Final

FAILED: Final = 1
BAD_USAGE: Final = 2


class Failure(Exception):  # noqa: N818  it is how a command ends, not a defect
    """An expected end of a command without success."""

    def __init__(self, given: str, wrong: str, remedy: str = "", exit_code: int = FAILED) -> None:
        super().__init__(f"{given}: {wrong}")
        self.given = given
        self.wrong = wrong
        self.remedy = remedy
        self.exit_code = exit_code


def bad_usage(given: str, wrong: str, remedy: str = "") -> Failure:
    """Return the failure of a call that was not understood."""
    return Failure(given, wrong, remedy, BAD_USAGE)


def not_yet(what: str, instead: str = "") -> Failure:
    """Return the failure of something that the design promises and this version does not have."""
    return Failure(what, "not available yet", instead, BAD_USAGE)
