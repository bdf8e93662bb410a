"""`python -m framebus.demo [--once]`: called by `make demo`."""

import argparse
import os
import signal
import sys
from pathlib import Path

from framebus.cli.failure import Failure
from framebus.cli.screen import complain, console
from framebus.client import FramebusError
from framebus.demo.looping import CameraDidNotStart
from framebus.demo.run import demonstrate
from framebus.demo.stack import StackDidNotStart


def main() -> int:
    """Run the demonstration; 0 only when every search found, or did not find, what it should."""
    parser = argparse.ArgumentParser(prog="python -m framebus.demo", description=demonstrate.__doc__)
    parser.add_argument("--once", action="store_true", help="stop after the searches")
    parser.add_argument("--home", type=Path, help="home folder; FRAMEBUS_HOME, else .framebus, and in it demo")
    arguments = parser.parse_args()
    home = arguments.home or Path(os.environ.get("FRAMEBUS_HOME") or ".framebus") / "demo"
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return 0 if demonstrate(home, console(), once=arguments.once) else 1
    except (Failure, FramebusError, StackDidNotStart, CameraDidNotStart) as error:
        complain(str(error))
    except KeyboardInterrupt:
        complain("stopped")
    return 1


if __name__ == "__main__":
    sys.exit(main())
