"""`python -m tests.broken --seed 1 --minutes 10`: broken videos, broken messages, and what coverage finds beyond them."""

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from typing import Final

from framebus.local.places import CHECKOUT
from tests.broken.films import films
from tests.broken.fuzzing import inputs, one_input
from tests.broken.hostile import hostile
from tests.broken.jury import Jury
from tests.broken.mutation import mutant
from tests.broken.targets import Target, targets

LEAST_VIDEOS: Final = 500
LEAST_INPUTS: Final = 1_000
VIDEO_SHARE: Final = 0.3
LONGEST_INPUT_BYTES: Final = 65_536
LONGEST_INPUT_SECONDS: Final = 20
MEMORY_MB: Final = 2_048


@dataclass
class Findings:
    """How much was tried, and where the inputs lie that were too much."""

    folder: Path
    tried: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def keep(self, name: str, content: bytes, fault: str) -> None:
        """Write an input that is a fault down, and say so."""
        path = self.folder / name.replace("/", "-")
        path.write_bytes(content)
        self.faults.append(f"{path}: {fault.strip().splitlines()[-1] if fault.strip() else 'no word'}")
        print(f"{path}\n{fault}", flush=True)


def main() -> int:
    """Run; returns 1 when something was found, and keeps it then."""
    parser = argparse.ArgumentParser(prog="python -m tests.broken", description="Break videos and messages; see who breaks.")
    parser.add_argument("--seed", type=int, default=1, help="which mutants (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long, at least (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="where what is found is kept (default: a temporary folder)")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="framebus-broken-"))
    folder.mkdir(parents=True, exist_ok=True)
    findings = Findings(folder)
    ends_at = time.monotonic() + 60 * arguments.minutes
    with tempfile.TemporaryDirectory(prefix="framebus-broken-") as work, quiet_libraries():
        try_videos(findings, Path(work), arguments.seed, time.monotonic() + 60 * VIDEO_SHARE * arguments.minutes)
        try_messages(findings, arguments.seed)
        try_on(findings, Path(work), arguments.seed, ends_at)
    print("\n".join(f"{tried:>12,}  {what}" for what, tried in findings.tried.items()))
    print("\n".join(findings.faults) or f"seed {arguments.seed}: everything was answered or refused with a sentence")
    return 1 if findings.faults else 0


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep off the terminal what libjpeg, libpng and encoders written in C say of each input."""
    sys.stderr.flush()
    before = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)


def try_videos(findings: Findings, work: Path, seed: int, until: float) -> None:
    """Judge hostile files, then mutants of videos until the time is over."""
    jury = Jury(work / "juror.log", watching=True)
    whole = films(work / "films", shared=True)
    contents = [path.read_bytes() for path in whole]
    dice = Random(seed)
    for path in hostile(work):
        if fault := jury.judge(path).fault:
            findings.keep(path.name, path.read_bytes(), fault)
        findings.tried["hostile files"] += 1
    for number in count():
        if number >= LEAST_VIDEOS and time.monotonic() > until:
            break
        path = work / f"seed-{seed}-video-{number}-{whole[number % len(whole)].name}"
        path.write_bytes(mutant(dice, contents[number % len(whole)], contents))
        judged = jury.judge(path)
        if judged.fault:
            findings.keep(path.name, path.read_bytes(), judged.fault)
        findings.tried["mutants of videos"] += 1
        findings.tried["  of which were refused"] += judged.refusal is not None
        findings.tried["  samples of the others"] += judged.samples
        path.unlink()
    jury.close()


def try_messages(findings: Findings, seed: int) -> None:
    """Give every decoder its mutants."""
    for target in targets():
        for number, given in enumerate(inputs(target, seed, LEAST_INPUTS)):
            judge(findings, target, given, f"seed-{seed}-{target.name}-{number}")


def try_on(findings: Findings, work: Path, seed: int, until: float) -> None:
    """Use the time that is left: with coverage where atheris is installed, else with more of the same."""
    seconds = max(1, int(until - time.monotonic()))
    if importlib.util.find_spec("atheris"):
        jobs = os.cpu_count() or 1
        each = max(1, seconds * jobs // len(targets()))
        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(partial(guide, findings, work, seed, each), targets()))
        return
    print("atheris is not installed here: mutants without regard to coverage", flush=True)
    dice = Random(seed + 1)
    for number in count():
        target = dice.choice(targets())
        if time.monotonic() > until:
            return
        judge(findings, target, one_input(target, dice), f"seed-{seed}-{target.name}-on-{number}")


def judge(findings: Findings, target: Target, given: bytes, name: str) -> None:
    """Give one input to a target."""
    findings.tried[target.name] += 1
    try:
        target.check(given)
    except Exception:  # noqa: BLE001  whatever it is, it is what is looked for
        findings.keep(name, given, traceback.format_exc())


def guide(findings: Findings, work: Path, seed: int, seconds: int, target: Target) -> None:
    """Let libFuzzer look for inputs of a target that reach more of our lines."""
    name = target.name.replace("/", "-")
    corpus = work / "corpus" / name
    corpus.mkdir(parents=True)
    for number, whole in enumerate(target.wholes):
        (corpus / str(number)).write_bytes(whole)
    found = findings.folder / f"seed-{seed}-{name}-guided-"
    log = work / f"{name}.log"
    command = [
        sys.executable, "-m", "tests.broken.guided", target.name, str(corpus), f"-seed={seed}", f"-max_total_time={seconds}",
        f"-artifact_prefix={found}", f"-max_len={LONGEST_INPUT_BYTES}", f"-timeout={LONGEST_INPUT_SECONDS}",
        f"-rss_limit_mb={MEMORY_MB}", "-print_final_stats=1", "-verbosity=1",
    ]  # fmt: skip
    with log.open("wb") as written:
        status = subprocess.run(command, cwd=CHECKOUT, stdout=written, stderr=written, check=False).returncode
    said = log.read_text(errors="replace")
    done = [line for line in said.splitlines() if line.startswith("stat::number_of_executed_units")]
    findings.tried[f"  {target.name}, guided by coverage"] += int(done[-1].split()[-1]) if done else 0
    if status:
        findings.faults.append(f"{found}*: libFuzzer ended with status {status}")
        print(said[-4_000:], flush=True)


if __name__ == "__main__":
    sys.exit(main())
