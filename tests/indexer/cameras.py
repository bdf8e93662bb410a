"""Cameras that show the present moment."""

import time
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np

from services.indexer.core.entry import Entry
from tests.indexer.made_logs import DIMENSION, record, unit


@dataclass
class Camera:
    """The samples of one run, one after another."""

    name: str
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))
    seq: int = 0

    def sample(self, age_ms: int = 0) -> Entry:
        """Make the next sample, captured now or `age_ms` ago."""
        captured_ms = int(time.time() * 1000) - age_ms
        entry = record(self.name, captured_ms, unit(self.rng, np.ones(DIMENSION)), run=1, seq=self.seq)
        self.seq += 1
        return replace(entry, headers=msgspec.structs.replace(entry.headers, captured_ms=captured_ms))

    def run_end(self) -> Entry:
        """End the run."""
        return record(self.name, None, run=1, mark="run_end")
