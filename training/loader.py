"""Batches made in a process of their own, so that the towers never wait for pictures."""

import dataclasses
import multiprocessing as mp
from multiprocessing.queues import Queue
from multiprocessing.sharedctypes import Synchronized

import cv2
import numpy as np
import numpy.typing as npt
import tokenizers

from training.pairs import PairSource, positives
from training.vocabulary import PAD_ID, token_ids
from training.world.shapes import Pixels

BATCH = 256
BATCHES_AHEAD = 4


@dataclasses.dataclass(frozen=True)
class Batch:
    """`pixels` uint8 [n, side, side, 3], `input_ids` int64 [n, tokens], `positives` float32 [n, n]."""

    pixels: Pixels
    input_ids: npt.NDArray[np.int64]
    positives: npt.NDArray[np.float32]


class Loader:
    """Makes batches from `source` ahead of their use; `side` may be changed at any time and holds a few batches later."""

    def __init__(self, source: PairSource, tokenizer: tokenizers.Tokenizer, side: int) -> None:
        # Forked and not spawned: the decoded photos are shared and not copied.
        context = mp.get_context("fork")
        self._side: Synchronized[int] = context.Value("i", side)
        self._queue: Queue[Batch] = context.Queue(BATCHES_AHEAD)
        work = (source, tokenizer, self._side, self._queue)
        self._process = context.Process(target=_fill, args=work, daemon=True)
        self._process.start()

    def next(self, side: int) -> Batch:
        """The next batch; those made from now on have pictures of `side`."""
        self._side.value = side
        return self._queue.get()

    def close(self) -> None:
        self._process.terminate()
        self._process.join()


def _fill(source: PairSource, tokenizer: tokenizers.Tokenizer, side: "Synchronized[int]", queue: "Queue[Batch]") -> None:
    cv2.setNumThreads(0)
    while True:
        queue.put(make_batch(source, tokenizer, side.value))


def make_batch(source: PairSource, tokenizer: tokenizers.Tokenizer, side: int) -> Batch:
    """One batch, the shortest texts first."""
    drawn = source.batch(BATCH, side)
    ids = token_ids(tokenizer, [pair.text for pair in drawn])
    order = np.argsort((ids != PAD_ID).sum(1), kind="stable")
    pairs = [drawn[i] for i in order]
    return Batch(np.stack([pair.pixels for pair in pairs]), ids[order], positives(pairs))
