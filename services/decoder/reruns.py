"""As which run a chunk is sent: 0, and a larger one once a consumer has lost a part of the bulk lane. Pure.

What is left of an earlier try has holes. The largest run of a stream wins, so the later one is taken from its beginning and what
still comes of the earlier one is dropped (docs/decisions/0017).
"""

from collections.abc import Iterable
from typing import Final

from schemas.limits import LARGEST_CAPTURED_MS
from schemas.messages import Recut, Source
from schemas.producer_clock import FUTURE_LIMIT_MS
from schemas.topics import CHUNKS, EMBEDDINGS_BULK, FRAMES_BULK

BULK_TOPICS: Final = frozenset((CHUNKS.name, FRAMES_BULK.name, EMBEDDINGS_BULK.name))
FIRST_RUN: Final = 0


class Reruns:
    """What consumers have lost of the bulk lane, in the order in which it was told: every owner comes to the same runs.

    A loss that names its life is of that life, whatever the clocks say. Only one that does not, since who lost it cannot know, is
    judged by the time: told since the life began, or so shortly before that the clocks may differ. A larger run than is needed
    harms nothing; one that is not larger is dropped.
    """

    def __init__(self, recuts: Iterable[Recut] = ()) -> None:
        self._newest = FIRST_RUN
        self._told: dict[tuple[str | None, int | None], int] = {}
        for recut in recuts:
            self.take(recut)

    def take(self, recut: Recut) -> None:
        """Take in one more; one that does not say when it was told, or at a time that cannot be, counts as nothing."""
        if recut.topic in BULK_TOPICS and 0 < recut.at_ms <= LARGEST_CAPTURED_MS:
            self._newest = max(self._newest + 1, recut.at_ms)
            self._told[recut.source_id, None if recut.source_id is None else recut.life] = self._newest

    def run_of(self, source: Source) -> int:
        """Return the run of what is dealt of a source from now on; what was lost before its life began is nothing to it."""
        began_ms = source.lives[-1].began_ms if source.lives else 0
        of_life = self._told.get((source.source_id, source.life), FIRST_RUN)
        of_any = max(self._told.get((source_id, None), FIRST_RUN) for source_id in (None, source.source_id))
        return max(of_life, of_any if of_any >= began_ms - FUTURE_LIMIT_MS else FIRST_RUN)
