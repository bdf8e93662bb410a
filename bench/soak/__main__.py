"""`make soak MINUTES=60`: a loaded stack looked at over time; what came of it goes into docs/, and the exit status says whether
every target was met. `python -m bench.soak --draw FILE` tells a soak again from its samples, also one that was broken off."""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench.soak.charts import plot
from bench.soak.run import HOME, soak
from bench.soak.samples import Samples, read_samples
from bench.soak.tables import tables
from bench.soak.verdicts import verdicts
from framebus.local.places import CHECKOUT

RESULTS: Final = CHECKOUT / "bench" / "results"
PAGE, PLOT = "soak.md", "soak.svg"
MARK: Final = "<!-- What follows is written by `make soak`. -->\n"


def main() -> int:
    """Run and tell; returns 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description="Load over time: memory, handles, lag, freshness.")
    parser.add_argument(
        "--minutes",
        type=float,
        default=60.0,
        help="how long there is load after a warm-up of five sixths of that (default: %(default)g)",
    )
    parser.add_argument("--draw", type=Path, metavar="FILE", help="run nothing: tell a soak again from the samples that it wrote")
    parser.add_argument("--docs", type=Path, default=CHECKOUT / "docs", help=f"where {PAGE} and {PLOT} are (default: docs/)")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    file = arguments.draw or RESULTS / f"soak-{datetime.now(UTC):%Y%m%dT%H%M}.csv"
    if not arguments.draw:
        _run(file, arguments.minutes)
    return _publish(read_samples(file), arguments.docs)


def _run(file: Path, minutes: float) -> None:
    began = time.monotonic()

    def tell(line: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {line}", flush=True)

    tell(f"samples: {file}")
    with tempfile.TemporaryDirectory(prefix="framebus-soak-") as folder:
        logs = Path(folder, HOME, "logs")
        try:
            soak(Path(folder), file, minutes, tell)
        finally:
            if logs.exists():
                shutil.copytree(logs, file.with_suffix(".logs"))


def _publish(samples: Samples, docs: Path) -> int:
    """Write the plot, replace what the page says of the last soak, print it."""
    found = verdicts(samples)
    told = tables(samples, found)
    (docs / PLOT).write_text(plot(samples))
    page = docs / PAGE
    written = page.read_text().partition(MARK)[0] if page.exists() else "# Soak\n\n![over time](soak.svg)\n\n"
    page.write_text(f"{written}{MARK}\n{told}")
    print(f"\n{told}\nwritten: {page}, {docs / PLOT}")
    missed = [one.target for one in found if not one.is_met]
    print(f"missed: {'; '.join(missed)}" if missed else "every target is met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
