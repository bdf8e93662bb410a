"""Why a file cannot be read, in words for the person who added it."""


class Unreadable(Exception):  # noqa: N818  what the file is
    """The file can never be decoded as it is; the text becomes the source's `error`."""


class Missing(Unreadable):
    """There is no such file, or none any more."""


class Unreachable(Exception):  # noqa: N818  what the file is
    """The file cannot be reached at the moment; it is tried again, and the text says why it has to be."""
