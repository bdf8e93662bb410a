"""Why a camera gives no pictures, in words for the person who added it."""


class CameraDown(Exception):  # noqa: N818  what the camera is
    """The camera cannot be used at the moment; it is tried again for ever, and the text says why it has to be."""
