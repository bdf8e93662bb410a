"""Dead letters: what is kept of a record, how it is read back, and how it says that it was replayed."""

import pytest

from schemas.errors import InvalidMessage
from schemas.headers import decode_frame_headers
from schemas.limits import PAYLOAD_LIMIT_BYTES
from streaming.dead_letter_log import WINDOW_RECORDS, DeadLetterLog
from streaming.dead_letters import LETTER_LIMIT_BYTES, RECORD_LIMIT_BYTES, read_letter, replay_headers, size_bytes, write_letter
from streaming.errors import Unavailable
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.records import Partition, Record, record_of
from tests.streaming.conftest import Bench

NOW_MS = 1_800_000_000_000


def record(value: bytes | None = b"rubbish", key: bytes | None = b"k", topic: str = "frames-live", **headers: bytes) -> Record:
    return Record(Partition(topic, 7), 4711, key, value, [("source_id", b"cam"), *headers.items()], NOW_MS - 5)


def test_a_letter_keeps_the_record_and_says_why_and_where_from() -> None:
    letter = read_letter(write_letter(record(odd=b"\xff"), "no JPEG", "embedder", NOW_MS))
    assert letter.record == record(odd=b"\xff")
    assert (letter.topic, letter.reason, letter.service, letter.at_ms) == ("frames-live", "no JPEG", "embedder", NOW_MS)
    assert (letter.left_out, letter.replay_of, letter.replays) == (None, None, 0)


def test_a_record_that_fails_again_names_its_first_letter_and_counts() -> None:
    letter = read_letter(write_letter(record(), "no JPEG", "embedder", NOW_MS))
    for replays in (1, 2, 3):
        raw = letter.record
        again = Record(raw.partition, 5000, raw.key, raw.value, [*raw.headers, *replay_headers(letter)], NOW_MS)
        letter = read_letter(write_letter(again, "still no JPEG", "embedder", NOW_MS))
        assert (letter.replay_of, letter.replays, letter.record.headers) == ("frames-live/-1", replays, raw.headers)


def test_a_sender_cannot_speak_in_the_name_of_a_letter() -> None:
    forged = record(dlq_reason=b"all is well", dlq_topic=b"sources", dlq_partition=b"99")
    letter = read_letter(write_letter(forged, "no JPEG", "embedder", NOW_MS))
    assert (letter.reason, letter.record.partition) == ("no JPEG", Partition("frames-live", 7))


def test_whoever_wrote_a_letter_it_can_be_read() -> None:
    letter = read_letter(Record(Partition("chunks.dlq", 0), 3, None, None, [("dlq_offset", b"many"), ("dlq_at", None)], NOW_MS))
    assert (letter.id, letter.reason, letter.record.partition.number, letter.record.offset) == ("chunks/3", "", -1, -1)


@pytest.mark.parametrize(
    ("large", "kept"),
    [
        (record(bytes(PAYLOAD_LIMIT_BYTES)), "all"),
        (record(bytes(RECORD_LIMIT_BYTES)), "key and headers"),
        (record(b"", trace=bytes(RECORD_LIMIT_BYTES)), "nothing"),
        (record(b"", key=bytes(RECORD_LIMIT_BYTES)), "nothing"),
    ],
)
def test_of_a_record_that_is_too_large_the_reason_is_kept_at_least(large: Record, kept: str) -> None:
    letter = write_letter(large, "x" * 9000, "embedder", NOW_MS)
    read = read_letter(letter)
    assert size_bytes(letter) < LETTER_LIMIT_BYTES + 2000
    assert (read.record == large, read.left_out is None) == (kept == "all", kept == "all")
    assert (read.record.key == large.key) == (kept != "nothing")
    assert read.reason == "x" * 500


def test_a_stranger_s_largest_record_does_not_stop_who_refuses_it(bench: Bench) -> None:
    outbox = Outbox(bench.bootstrap, "test", Metrics())
    outbox.reject(record(bytes(1_048_000), topic=bench.source), "too large")
    outbox.flush(20)
    with DeadLetterLog(bench.bootstrap) as log:
        letter = log.letter(bench.source, 0)
    assert letter is not None
    assert (letter.record.value, letter.left_out) == (None, "the value of 1,048,000 bytes")


class NamedInLatin1:
    """A message of a sender that writes header names as Latin-1, as Kafka's client gives it; it cannot write one itself."""

    def topic(self) -> str:
        return "frames-live"

    def partition(self) -> int:
        return 7

    def offset(self) -> int:
        return 4711

    def timestamp(self) -> tuple[int, int]:
        return 1, NOW_MS

    def key(self) -> bytes:
        return b"cam"

    def value(self) -> bytes:
        return b"picture"

    def headers(self) -> list[tuple[str, bytes]]:
        raise SystemError("<method 'headers'> returned a result with an exception set")


def test_a_record_whose_header_names_are_no_text_becomes_a_dead_letter_that_says_so() -> None:
    read = record_of(NamedInLatin1())
    with pytest.raises(InvalidMessage, match="header schema is missing") as refused:
        decode_frame_headers(read.headers)
    letter = read_letter(write_letter(read, str(refused.value), "embedder", NOW_MS))
    assert letter.record.headers == [("headers", b"left out: the name of one is not UTF-8 text")]
    assert (letter.record.key, letter.record.value, letter.record.offset) == (b"cam", b"picture", 4711)


def test_replayed_records_that_fail_again_blow_no_fuse(bench: Bench) -> None:
    outbox = Outbox(bench.bootstrap, "test", Metrics())
    for number in range(100):
        headers = [("source_id", f"cam-{number}".encode()), ("life", b"1"), ("dlq_replay_of", b"frames-live/1")]
        outbox.reject(Record(Partition(bench.source, 0), number, None, b"rubbish", headers, 0), "no JPEG")
    outbox.flush(20)


def test_letters_are_read_newest_first_between_bounds_and_nothing_is_committed(bench: Bench) -> None:
    outbox = Outbox(bench.bootstrap, "test", Metrics())
    written = 2 * WINDOW_RECORDS + 30
    for number in range(written):
        headers = [("source_id", f"cam-{number}".encode())]
        outbox.reject(Record(Partition(bench.source, 0), number, None, b"rubbish", headers, 0), f"reason {number}")
    outbox.flush(20)
    with DeadLetterLog(bench.bootstrap) as log:
        assert log.bounds(bench.source) == (0, written)
        newest = log.newest(bench.source, 5, written - 1, lambda letter: letter.record.offset)
        assert list(newest) == list(range(written - 2, 4, -1))
        assert log.first_since(bench.source, 0) == 0
        assert log.first_since(bench.source, 2 * NOW_MS) == written
        letters = [log.letter(bench.source, number) for number in (3, written)]
    assert [letter and letter.reason for letter in letters] == ["reason 3", None]


def test_without_kafka_a_look_says_so() -> None:
    with DeadLetterLog("127.0.0.1:1") as log, pytest.raises(Unavailable, match="does not answer"):
        log.bounds("frames-live")
