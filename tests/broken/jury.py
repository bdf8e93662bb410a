"""Asks jurors about videos and tells faults: a juror that dies, is stuck, or needs more memory than a video is worth."""

import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from framebus.local.places import CHECKOUT
from tests.broken.juror import WATCH

MOST_SECONDS: Final = 20.0
MOST_MIB: Final = 900
"""Of a whole juror: Python, FFmpeg and the largest picture that is decoded (40 million pixels) lie far below."""
LAST_WORDS: Final = 2_000


@dataclass(frozen=True)
class Verdict:
    """What became of a video: samples, a refusal in words, or a fault of ours."""

    path: Path
    samples: int = 0
    refusal: str | None = None
    fault: str | None = None
    seconds: float = 0.0
    peak_mib: int = 0


class Jury:
    """One juror at a time; one that has died or is stuck is replaced. `watching`: they take clips and thumbnails, too."""

    def __init__(self, log: Path, *, watching: bool = False) -> None:
        self._log, self._watching, self.most_seconds = log, watching, MOST_SECONDS
        self._juror: subprocess.Popen[str] | None = None

    def judge(self, path: Path) -> Verdict:
        """Return what the decoder makes of a file."""
        juror = self._juror = self._juror or self._begin()
        assert juror.stdin is not None
        assert juror.stdout is not None
        stuck = threading.Timer(self.most_seconds, juror.kill)
        stuck.start()
        with suppress(BrokenPipeError):
            print(path, file=juror.stdin, flush=True)
        answer = juror.stdout.readline()
        stuck.cancel()
        if not answer:
            return Verdict(path, fault=self._bury(juror))
        samples, refusal, seconds, peak_mib = orjson.loads(answer)
        fault = None
        if peak_mib > MOST_MIB:
            fault = f"it took {peak_mib} MiB of memory"
            self.close()
        return Verdict(path, samples, refusal, fault, seconds, peak_mib)

    def close(self) -> None:
        """Let the juror go."""
        if self._juror is not None:
            _end(self._juror)
            self._juror = None

    def _begin(self) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "tests.broken.juror", *([WATCH] if self._watching else [])]
        with self._log.open("w") as log:
            return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=CHECKOUT)

    def _bury(self, juror: "subprocess.Popen[str]") -> str:
        """Return what a juror has died of."""
        self._juror = None
        _end(juror)
        if juror.returncode == -signal.SIGKILL:
            return f"it was not done in {self.most_seconds:g} s, or was killed for its memory"
        if juror.returncode < 0:
            return f"it ended the process by {signal.Signals(-juror.returncode).name}"
        return self._log.read_text(errors="replace")[-LAST_WORDS:]


def _end(juror: "subprocess.Popen[str]") -> None:
    """Close the pipes and wait: a juror that lives has nothing more to read."""
    for pipe in (juror.stdin, juror.stdout):
        assert pipe is not None
        with suppress(BrokenPipeError):
            pipe.close()
    juror.wait()
