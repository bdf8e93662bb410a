"""Dealing: turns, partitions, the bound."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.decoder.dealing import Dealer


def dealt(dealer: Dealer) -> list[tuple[str, int]]:
    return [(deal.source_id, deal.index) for deal in dealer.deal()]


def test_partitions_take_turns() -> None:
    dealer = Dealer(ahead=64, partitions=24)
    dealer.add("a", range(48))
    partitions = [deal.partition for deal in dealer.deal()]
    assert sorted(partitions[:24]) == list(range(24))
    assert partitions[24:] == partitions[:24]


@pytest.mark.parametrize("workers", [2, 3, 4])
def test_a_few_chunks_go_to_all_workers_whoever_deals_them(workers: int) -> None:
    share = 24 // workers
    for first in range(24):
        dealer = Dealer(ahead=64, partitions=24, first=first)
        dealer.add("a", range(2 * workers))
        partitions = [deal.partition for deal in dealer.deal()]
        assert {partition // share for partition in partitions} == set(range(workers)), "each holds neighbours"


def test_sources_take_turns_so_a_short_file_never_waits_for_a_long_one() -> None:
    dealer = Dealer(ahead=5, partitions=24)
    dealer.add("long", range(1_000))
    dealer.add("short", range(2))
    assert dealt(dealer) == [("long", 0), ("short", 0), ("long", 1), ("short", 1), ("long", 2)]


def test_no_more_than_the_bound_is_dealt_ahead_of_what_is_done() -> None:
    dealer = Dealer(ahead=2, partitions=24)
    dealer.add("a", range(4))
    assert dealt(dealer) == [("a", 0), ("a", 1)]
    assert dealt(dealer) == []
    dealer.done("a", 1)
    assert dealt(dealer) == [("a", 2)]


def test_a_chunk_done_before_it_was_dealt_is_not_dealt() -> None:
    dealer = Dealer(ahead=1, partitions=24)
    dealer.add("a", range(3))
    assert dealt(dealer) == [("a", 0)]
    dealer.done("a", 1)
    dealer.done("a", 0)
    assert dealt(dealer) == [("a", 2)]


def test_a_dropped_source_gives_its_room_to_others() -> None:
    dealer = Dealer(ahead=1, partitions=24)
    dealer.add("failing", range(9))
    dealer.add("b", range(1))
    assert dealt(dealer) == [("failing", 0)]
    dealer.drop("failing")
    assert dealt(dealer) == [("b", 0)]


def test_adding_a_source_again_deals_again_what_is_not_done() -> None:
    dealer = Dealer(ahead=9, partitions=24)
    dealer.add("a", range(3))
    assert len(dealt(dealer)) == 3
    dealer.add("a", [1, 2])
    assert dealt(dealer) == [("a", 1), ("a", 2)]


def test_word_of_a_chunk_that_nobody_dealt_changes_nothing() -> None:
    dealer = Dealer(ahead=1, partitions=24)
    dealer.done("unknown", 7)
    assert (dealer.outstanding, dealt(dealer)) == (0, [])


@given(
    sizes=st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.integers(1, 30), max_size=8),
    ahead=st.integers(1, 12),
    order=st.randoms(use_true_random=False),
)
def test_every_chunk_is_dealt_once_and_the_bound_holds(sizes: dict[str, int], ahead: int, order: Random) -> None:
    dealer, seen, open_chunks = Dealer(ahead, 24), [], list[tuple[str, int]]()
    for source_id, size in sizes.items():
        dealer.add(source_id, range(size))
    while new := dealt(dealer):
        seen += new
        open_chunks += new
        assert len(open_chunks) == dealer.outstanding <= ahead
        dealer.done(*open_chunks.pop(order.randrange(len(open_chunks))))
    assert sorted(seen) == sorted((source_id, index) for source_id, size in sizes.items() for index in range(size))
