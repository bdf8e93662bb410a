"""The embedding space of an encoder: `python -m framebus.local.space ADDRESS` prints its name."""

import subprocess
import sys
from collections.abc import Mapping

from framebus.local.errors import StackError
from framebus.local.places import python_environment


def space_of(address: str, environ: Mapping[str, str]) -> str:
    """Return the name of the space that the encoder at `address` embeds in.

    Another process looks: with the model runtime loaded the launcher would hold 60 MB more for as long as it runs.

    Raises:
        StackError: there is no such encoder, or its folder is broken.
    """
    command = [sys.executable, "-m", "framebus.local.space", address]
    done = subprocess.run(command, env=python_environment(environ), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StackError((done.stderr.strip().splitlines() or ["the encoder could not be read"])[-1])
    return done.stdout.strip()


def main(address: str) -> None:
    """Print the space, or exit with the reason why there is none."""
    from encoders.address import find_folder  # noqa: PLC0415  only this process loads it
    from encoders.errors import EncoderError  # noqa: PLC0415

    try:
        print(find_folder(address).space)
    except EncoderError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1])
