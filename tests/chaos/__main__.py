"""`python -m tests.chaos --seed 1 --kills 20`: a whole Framebus under faults, and a table of what became of the rows."""

import argparse
import logging
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from encoders.address import load
from tests.chaos.faults import CHANGES, FULL, camera_schedule, schedule
from tests.chaos.films import films
from tests.chaos.fleet import ground
from tests.chaos.moves import SCRIPTS
from tests.chaos.run import Plan, run
from tests.chaos.small_disk import go_inside, is_inside
from tests.chaos.table import Report, lines
from tests.tiny_model import make_tiny_model

SCENES = (40, 24, 32)
CAMERAS = 3
MOST_LINES = 40
REBUILDS = 1


def main() -> int:
    """Run; returns 1 when a row is not the one of an uninterrupted run, and keeps the logs then."""
    parser = argparse.ArgumentParser(prog="make chaos", description="Kill, freeze and slow everything; compare every row.")
    parser.add_argument("--seed", type=int, default=1, help="which faults, where and when (default: %(default)s)")
    parser.add_argument(
        "--kills",
        type=int,
        default=20,
        help="SIGKILLs and SIGSTOPs (default: %(default)s), as many of cameras, half as many others",
    )
    parser.add_argument(
        "--folder", type=Path, help="where everything is kept (default: a temporary folder, kept after a failure)"
    )
    arguments = parser.parse_args()
    if not is_inside():
        go_inside("tests.chaos", sys.argv[1:])
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    logging.getLogger("librdkafka").setLevel(logging.CRITICAL)  # that a killed broker refuses connections is no news here
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="framebus-chaos-"))
    is_clean = False
    try:
        report = torment(folder, arguments.seed, arguments.kills)
        is_clean = report.is_clean
        tell_differences(report, folder)
        print("\n".join(lines(report)), flush=True)
    except BaseException:
        print(f"broken off; logs: {folder / 'logs'}", file=sys.stderr)
        raise
    finally:
        if is_clean and not arguments.folder:
            shutil.rmtree(folder, ignore_errors=True)
    return 0 if is_clean else 1


def torment(folder: Path, seed: int, kills: int) -> Report:
    """Make the work, start everything in `folder`, run."""
    began = time.monotonic()

    def tell(line: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {line}", flush=True)

    model = make_tiny_model(folder / "model")
    made = films(folder / "films", load(str(model), threads=1), SCENES)
    tell(f"{len(made)} films of {sum(len(film.rows) for film in made)} rows")
    if not is_inside():
        tell("the system refuses a disk of our own: the media store is never full")
    faults = schedule(seed, kills, changes=(*CHANGES, FULL) if is_inside() else CHANGES)
    with ground(folder, small_disk=is_inside()) as servers:
        tell("Kafka and Milvus run")
        plan = Plan(
            seed, kills, faults, made, model, camera_faults=camera_schedule(seed, kills), cameras=CAMERAS,
            moves=tuple(SCRIPTS), rebuilds=REBUILDS,
        )  # fmt: skip
        return run(servers, plan, tell)


def tell_differences(report: Report, folder: Path) -> None:
    """Print the first differences and keep all of them beside the logs."""
    told = [line for differences in report.rows.values() for line in differences.lines()]
    if told:
        (folder / "logs" / "differences").write_text("\n".join(told))
        print("\n".join(told[:MOST_LINES]))
        print(f"{len(told)} differences")
    if not report.is_clean:
        print(f"logs: {folder / 'logs'}\n")


if __name__ == "__main__":
    sys.exit(main())
