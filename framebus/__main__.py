"""`python -m framebus` is `framebus`."""

import sys

from framebus.cli import main

sys.exit(main())
