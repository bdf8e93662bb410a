"""Dead letters for people. Pure. What strangers wrote is made printable first: a terminal obeys nothing of it."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.table import Table

from framebus.cli.moments import age, clock
from framebus.cli.screen import printable
from framebus.client import DeadLetter, WholeLetter

NAME_COLUMNS = 12


def letters_table(letters: Sequence[DeadLetter], now_ms: int) -> Table:
    """Return one line a letter."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("id", "refused", "by", "source"):
        table.add_column(title, no_wrap=True, overflow="ellipsis")
    table.add_column("reason", overflow="fold")
    for one in letters:
        again = f" (sent again {one.replays} ×, first {one.replay_of})" if one.replay_of else ""
        words = (one.id, f"{age(one.at_ms, now_ms)} ago", one.service, one.source_id or "", one.reason + again)
        table.add_row(*(printable(word) for word in words))
    return table


def letter_lines(letter: WholeLetter, now_ms: int) -> Iterator[str]:
    """Give all of one letter, line by line."""
    for name, said in _facts(letter, now_ms):
        yield f"{name:{NAME_COLUMNS}} {printable(said)}"
    yield "headers"
    for header in letter.headers:
        yield f"  {printable(header.name)} = {printable(header.value or '')}"
    if letter.headers_left_out:
        yield f"  and {letter.headers_left_out:,} more"
    yield f"{'value':{NAME_COLUMNS}} {_value(letter)}"
    yield from (f"  {printable(line)}" for line in letter.value.text.splitlines())


def _facts(letter: WholeLetter, now_ms: int) -> Iterator[tuple[str, str]]:
    yield "dead letter", letter.id
    yield "reason", letter.reason
    yield "refused", f"by {letter.service or 'nobody knows whom'}, {clock(letter.at_ms)} UTC, {age(letter.at_ms, now_ms)} ago"
    yield "record", _record(letter)
    if letter.source_id is not None:
        yield "source", letter.source_id
    if letter.key is not None:
        yield "key", letter.key
    if letter.replay_of is not None:
        yield "sent again", f"{letter.replays} ×; its first dead letter is {letter.replay_of}"
    yield "replay", "can be sent again" if letter.obstacle is None else f"cannot be sent again: {letter.obstacle}"
    if letter.left_out is not None:
        yield "left out", f"{letter.left_out}: too large for a dead letter"


def _record(letter: WholeLetter) -> str:
    place = f"{letter.topic} [{'?' if letter.partition is None else letter.partition}]"
    at = "" if letter.offset is None else f" at {letter.offset}"
    return place + at + ("" if letter.written_ms is None else f", written {clock(letter.written_ms)} UTC")


def _value(letter: WholeLetter) -> str:
    value, size = letter.value, f"{letter.value_bytes:,} bytes"
    described = {
        "empty": "none",
        "picture": f"{value.format}, {value.width} × {value.height} pixels, {size}",
        "vector": f"{value.numbers:,} float16 numbers, {size}",
        "json": f"JSON, {size}",
        "text": f"no JSON, {size}",
        "bytes": f"{size}, begins {value.begins}",
    }
    return described.get(value.kind, size)
