"""Keys go where Kafka's Java clients put them."""

from itertools import islice

import pytest

from schemas.identity import chunk_stream
from tests.chaos.partitions import partition_of, sources_of


@pytest.mark.parametrize(
    ("key", "mixed"),
    [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536), (b"abc", 479470107)],
)
def test_a_key_goes_where_murmur2_puts_it(key: bytes, mixed: int) -> None:
    assert partition_of(key, 1 << 30) == (mixed & 0x7FFFFFFF) % (1 << 30)


def test_sources_of_a_partition_are_all_of_that_one() -> None:
    names = list(islice(sources_of(5, "file"), 20))
    assert len(set(names)) == 20
    assert {partition_of(chunk_stream(name, 1, 0).encode()) for name in names} == {5}
