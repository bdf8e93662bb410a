"""Reading of records whose header names are no text: Kafka takes names of any bytes, and aiokafka fails at them for ever.

A batch with such a record is read again by aiokafka's own Python code, over bytes that decode whatever they are: what is not
UTF-8 becomes lone surrogates, as in Python's names of files, and `streaming.records.readable` tells them.
"""

from collections.abc import Iterator
from typing import Any, SupportsIndex

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy


class _Bytes(bytearray):
    def __getitem__(self, at: SupportsIndex | slice) -> Any:
        part = super().__getitem__(at)
        return _Bytes(part) if isinstance(part, bytearray) else part

    def decode(self, *_: Any, **__: Any) -> str:
        return super().decode("utf-8", "surrogateescape")


class _Batch:
    def __init__(self, batch: Any, data: memoryview) -> None:
        self._batch, self._data = batch, data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        try:
            yield from self._batch
        except UnicodeDecodeError:
            batch = _DefaultRecordBatchPy(self._data)
            batch._maybe_uncompress()  # noqa: SLF001  its bytes are to be replaced before it reads them
            batch._buffer = _Bytes(batch._buffer)  # noqa: SLF001
            yield from batch  # from its first record: who reads passes over those that it has had


class _Batches(_MemoryRecordsPy):  # type: ignore[misc]
    def next_batch(self) -> Any:
        data, batch = self._next_slice, super().next_batch()
        return _Batch(batch, data) if isinstance(batch, DefaultRecordBatch) else batch


def read_any_header_name() -> None:
    """Let every aiokafka consumer of this process pass on records whose header names are not UTF-8."""
    fetcher.MemoryRecords = _Batches
