"""Which datagrams are lost."""

from itertools import groupby

import pytest

from tests.chaos.losses import Losses


def lost(seed: int, count: int, share: float = 0.02, in_a_row: float = 3.0) -> list[bool]:
    network = Losses(seed, share, in_a_row)
    return [network.is_lost() for _ in range(count)]


def test_a_seed_loses_the_same_ones_again_and_another_seed_others() -> None:
    assert lost(5, 2000) == lost(5, 2000)
    assert lost(5, 2000) != lost(6, 2000)


def test_a_network_loses_its_share_some_in_a_row() -> None:
    found = lost(1, 200_000)
    rows = [len(list(row)) for is_lost, row in groupby(found) if is_lost]
    assert sum(found) / len(found) == pytest.approx(0.02, rel=0.1)
    assert sum(rows) / len(rows) == pytest.approx(3.0, rel=0.1)
