"""What can be wrong with an encoder. A bad picture is not among them: that is `schemas.errors.InvalidMessage`."""


class EncoderError(ValueError):
    """An address, a model folder or a tower that cannot be used; the text names the file and what is wrong with it."""


class NoTextTower(EncoderError):  # noqa: N818  names what is absent
    """A text for an encoder that has only an image tower."""
