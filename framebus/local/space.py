"""The embedding space of an encoder."""

from encoders.errors import EncoderError
from encoders.lookup import find_folder
from framebus.local.errors import StackError


def space_of(address: str) -> str:
    """Return the name of the space that the encoder at `address` embeds in.

    Raises:
        StackError: there is no such encoder, or its folder is broken.
    """
    try:
        return find_folder(address).space
    except EncoderError as error:
        raise StackError(str(error)) from None
