"""Which datagrams a network loses. Pure."""

import random

SHARE = 0.01
IN_A_ROW = 2.0


class Losses:
    """A network that loses `share` of what is sent, `in_a_row` at a time (Gilbert's model); a seed loses the same ones again."""

    def __init__(self, seed: int, share: float = SHARE, in_a_row: float = IN_A_ROW) -> None:
        self._dice = random.Random(seed)
        self._begins = share / (in_a_row * (1 - share))
        self._ends = 1 / in_a_row
        self._loses = False

    def is_lost(self) -> bool:
        """Return whether the next datagram is lost."""
        turns = self._dice.random() < (self._ends if self._loses else self._begins)
        self._loses = self._loses is not turns
        return self._loses
