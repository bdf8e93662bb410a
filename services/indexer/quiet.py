"""A library that logs in a hot loop while the broker is away says it a few times and then how often."""

import logging
from typing import Final

PERIOD_SECONDS: Final = 10.0
LINES_PER_PERIOD: Final = 5


class RateLimit(logging.Filter):
    """Lets a few lines of a logger through in each period; the first of the next period says how many were left out."""

    def __init__(self, lines: int = LINES_PER_PERIOD, period_seconds: float = PERIOD_SECONDS) -> None:
        super().__init__()
        self._lines, self._period_seconds = lines, period_seconds
        self._began = self._seen = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Judge a line by the time at which it was made."""
        left_out = 0
        if record.created - self._began >= self._period_seconds:
            left_out = int(max(0, self._seen - self._lines))
            self._began, self._seen = record.created, 0
        self._seen += 1
        if left_out:
            record.msg, record.args = f"{record.getMessage()} ({left_out} lines left out before)", None
        return self._seen <= self._lines


def limit_rate(*loggers: str) -> None:
    """Limit these loggers and all below them."""
    limit = RateLimit()
    for handler in logging.getLogger().handlers:
        handler.addFilter(lambda record: limit.filter(record) if record.name.startswith(loggers) else True)
