"""Reading a part of a partition again, on a real broker."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.passage import read_passage, written_ms
from streaming.records import UNREADABLE, Partition
from tests.streaming.conftest import Bench
from tests.streaming.header_names import InLatin1, write_names

BEGIN_MS = 1_763_625_600_000


def test_a_passage_is_read_from_a_time_to_an_offset_and_no_further(bench: Bench) -> None:
    outbox, partition = Outbox(bench.bootstrap, "test", Metrics()), Partition(bench.source, 1)
    for number in range(6):
        at_ms = BEGIN_MS + 1000 * number
        outbox.send(bench.source, b"%d" % number, key="k", headers=[], partition=1, timestamp_ms=at_ms)
    outbox.flush()
    assert values(bench, partition, BEGIN_MS + 1500, 4) == [b"2", b"3", b"4"]
    assert values(bench, partition, 0, 99) == [b"%d" % number for number in range(6)], "a log that was cut short ends it"
    assert values(bench, partition, BEGIN_MS + 9000, 5) == []
    assert values(bench, Partition(bench.source, 2), 0, 5) == []
    assert written_ms(bench.bootstrap, partition, 3) == BEGIN_MS + 3000
    assert written_ms(bench.bootstrap, partition, 6) is None


def test_records_whose_header_names_are_no_text_are_read_however_many_there_are(bench: Bench) -> None:
    partition = Partition(bench.source, 1)
    with ThreadPoolExecutor(1) as apart:  # from the event loop that a browser's tests have left on this thread
        apart.submit(asyncio.run, write_names(bench.bootstrap, partition, ["a", InLatin1("caf\xe9")] * 500)).result()
    read = list(read_passage(bench.bootstrap, partition, 0, 999))
    assert [record.headers for record in read] == [[("a", b"1")], UNREADABLE] * 500


def values(bench: Bench, partition: Partition, from_ms: int, through_offset: int) -> list[bytes | None]:
    return [record.value for record in read_passage(bench.bootstrap, partition, from_ms, through_offset)]
