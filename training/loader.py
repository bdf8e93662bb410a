"""Batches made in a process of their own, so that the towers never wait for pictures."""

import dataclasses
import multiprocessing as mp
from multiprocessing.queues import Queue
from multiprocessing.sharedctypes import Synchronized

import cv2
import numpy as np
import numpy.typing as npt
import tokenizers

from training.facts import FactClasses
from training.pairs import PairSource, positives
from training.vocabulary import PAD_ID, token_ids
from training.world.shapes import Pixels

BATCH = 256
BATCHES_AHEAD = 6
LOST_SHARE = 0.08
"""How many of a text's pieces are left out, of texts longer than `SHORTEST_CUT`: no single word may carry a caption."""
SHORTEST_CUT = 4

TokenIds = npt.NDArray[np.int64]
Generator = np.random.Generator


@dataclasses.dataclass(frozen=True)
class Batch:
    """`pixels` uint8 [n, side, side, 3], `input_ids` int64 [n, tokens]; float32 `positives` [n, n] and `facts` [n, classes]."""

    pixels: Pixels
    input_ids: TokenIds
    positives: npt.NDArray[np.float32]
    facts: npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class BatchMaker:
    """What makes a batch: where pairs come from, and how their texts and truths become numbers."""

    source: PairSource
    tokenizer: tokenizers.Tokenizer
    classes: FactClasses

    def batch(self, side: int, rng: Generator) -> Batch:
        """One batch, the shortest texts first."""
        drawn = self.source.batch(BATCH, side)
        ids = with_losses(token_ids(self.tokenizer, [pair.text for pair in drawn]), rng)
        order = np.argsort((ids != PAD_ID).sum(1), kind="stable")
        pairs = [drawn[i] for i in order]
        facts = self.classes.targets([pair.truth for pair in pairs])
        return Batch(np.stack([pair.pixels for pair in pairs]), ids[order], positives(pairs), facts)


class Loader:
    """Has batches made ahead of their use; `side` may be changed at any time and holds a few batches later."""

    def __init__(self, maker: BatchMaker, side: int, seed: int) -> None:
        # Forked and not spawned: the decoded photos are shared and not copied.
        context = mp.get_context("fork")
        self._side: Synchronized[int] = context.Value("i", side)
        self._queue: Queue[Batch] = context.Queue(BATCHES_AHEAD)
        self._process = context.Process(target=_fill, args=(maker, seed, self._side, self._queue), daemon=True)
        self._process.start()

    def next(self, side: int) -> Batch:
        """The next batch; those made from now on have pictures of `side`."""
        self._side.value = side
        return self._queue.get()

    def close(self) -> None:
        self._process.terminate()
        self._process.join()


def with_losses(ids: TokenIds, rng: Generator) -> TokenIds:
    """`ids` [n, tokens] with some pieces left out and the rest moved together."""
    present = ids != PAD_ID
    long = present.sum(1, keepdims=True) > SHORTEST_CUT
    lost = present & long & (rng.random(ids.shape) < LOST_SHARE)
    order = np.argsort(lost | ~present, axis=1, kind="stable")
    return np.take_along_axis(np.where(lost, PAD_ID, ids), order, axis=1)


def _fill(maker: BatchMaker, seed: int, side: "Synchronized[int]", queue: "Queue[Batch]") -> None:
    cv2.setNumThreads(0)
    rng = np.random.default_rng(seed)
    while True:
        queue.put(maker.batch(side.value, rng))
