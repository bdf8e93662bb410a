"""The error of the local stack."""


class StackError(Exception):
    """The local stack cannot go on. The text is one line: what was met, what is wrong, what to do."""
