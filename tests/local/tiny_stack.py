"""The launcher with tiny services: `python -m tests.local.tiny_stack HOME ENCODER`. A refusal is one line, exit status 1."""

import sys
from pathlib import Path

from framebus.local.display import PlainLines
from framebus.local.errors import StackError
from framebus.local.services import Service
from framebus.local.stack import run_stack

SERVICES = tuple(Service(name, "tests.local.tiny_service", "TINY_PORT", {"TINY_NAME": name}) for name in ("decoder", "query"))

if __name__ == "__main__":
    try:
        run_stack(Path(sys.argv[1]), sys.argv[2], PlainLines(), services=SERVICES)
    except StackError as error:
        sys.exit(str(error))
