"""A stage that copies records, with the faults that a test asks for."""

from collections.abc import Callable, Collection, Sequence

from streaming.outbox import Outbox
from streaming.records import Partition, Record
from streaming.stage import Reached, Start


class Copy:
    """Sends each record on under its own value; holds back the newest `held` offsets, as a window does."""

    def __init__(self, outbox: Outbox, topic: str, out: str, *, held: int = 0) -> None:
        self.outbox, self.topic, self.out, self.held = outbox, topic, out, held
        self.next: dict[Partition, int] = {}
        self.begun: list[Start] = []
        self.forgotten: list[Partition] = []
        self.copied: list[bytes] = []
        self.reading = True
        self.on_step: Callable[[], bool] = lambda: False
        self.on_settle: Callable[[], None] = lambda: None

    def assigned(self, start: Start) -> None:
        self.next[start.partition] = start.offset
        self.begun.append(start)

    def revoked(self, partition: Partition) -> None:
        self.forgotten.append(partition)
        del self.next[partition]

    lost = revoked

    def wants(self) -> Collection[str]:
        return (self.topic,) if self.reading else ()

    def process(self, records: Sequence[Record]) -> None:
        for record in records:
            assert record.offset == self.next[record.partition], "a hole or a repetition inside one assignment"
            self.next[record.partition] = record.offset + 1
            value = record.value or b""
            if value.startswith(b"bad"):
                self.outbox.reject(record, f"value {value!r} is bad")
                continue
            self.outbox.send(self.out, value, key="k", headers=[])
            self.copied.append(value)

    def step(self) -> bool:
        return self.on_step()

    def settle(self) -> None:
        self.on_settle()

    def reached(self, partition: Partition) -> Reached:
        safe_offset = max(0, self.next[partition] - self.held)
        return Reached(safe_offset, self.next[partition], f"{self.held} before {self.next[partition]}")
