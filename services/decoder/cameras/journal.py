"""The journal beside a recorded segment: which of its frames were sampled, and what Kafka has acknowledged."""

import errno
import os
import threading
from dataclasses import replace
from pathlib import Path

from schemas.recordings import END_OF_PIECE, JournalLine
from streaming.logs import get_logger

log = get_logger("journal")


class Journal:
    """One append-only file, written to by two threads. Lines are whole, or cut short by a crash or a full disk."""

    def __init__(self, path: Path) -> None:
        """Begin, or go on with, the journal at `path`; raises `OSError`."""
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        self._is_cut = os.fstat(self._file).st_size > 0
        self._lock = threading.Lock()
        self._open = 0
        self._closing = False

    def note(self, line: JournalLine) -> None:
        """Write a sample before it is sent; raises `OSError`."""
        with self._lock:
            self._write(line)
            self._open += 1

    def acknowledge(self, line: JournalLine, partition: int, offset: int) -> None:
        """Write where Kafka has put a sample. A disk that refuses this leaves a sample that is sent twice, with one row."""
        with self._lock:
            try:
                self._write(replace(line, partition=partition, offset=offset))
            except OSError as error:
                log.warning("journal not written", reason=error.strerror)
            self._open -= 1
            self._close_when_done()

    def give_up(self) -> None:
        """Take back the wait for a sample that Kafka did not take: it stays unacknowledged."""
        with self._lock:
            self._open -= 1
            self._close_when_done()

    def close(self) -> None:
        """End the segment's journal once the last of its samples is acknowledged."""
        with self._lock:
            self._closing = True
            self._close_when_done()

    def _write(self, line: JournalLine) -> None:
        """Write a line, and before it the end of a piece of another; raises `OSError`, also where a part of it is written."""
        content = f"{END_OF_PIECE if self._is_cut else ''}{line.text()}".encode()
        written = os.write(self._file, content)
        self._is_cut = written < len(content)
        if self._is_cut:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _close_when_done(self) -> None:
        if self._closing and self._open == 0:
            os.close(self._file)
