"""Messages that are wrong in the way that people and programs are: a header too many, a number too large, another type. Pure."""

import struct
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

import numpy as np
import orjson

from tests.broken.mutation import mutant
from tests.broken.wire import Wire

TEXTS: Final = (
    b"", b"0", b"-1", b"1", b"00", b"-", b"+5", b" 7", b"7 ", b"1e3", b"1.0", b"NaN", b"0x10", b"9007199254740991",
    b"9007199254740992", b"-9007199254740991", b"99999999999999999999999", b"9" * 5_000, "٣".encode(), b"\xff\xfe", b"\x00",
    b"None", b"null", b"true", b"a" * 70, b"..", b"../../etc/passwd", b"cam-1\n", b"cam-1/2/c0", b"cam-1/2/", b"cam-1/2/r-1",
    b"cam-1/0/c0", b"cam-1/999999999999999999/c999999999999999999", b"film-1/1/r-999999999999999999", b"same", b"run_end",
    b"stream_end", b"frame/1", b"embedding/1", b"tiny-0@00000000", b"other@ffffffff",
)  # fmt: skip
LEAVES: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1, 2**53 - 1, 2**53, -(2**53), 2**63 - 1, -(2**63), 2**64 - 1, 0.5, -0.0, 1e308, -1e308, 5e-324,
    "", "0", "1", "x" * 300, "cam-1\n", "../..", "a/1/", "a/1/r", "a/1/rx", "a/1/c0", "\x00", "\U0001f600", "http://[",
    "file:///etc/passwd", "rtsp://a:b@[::1", "http://a:99999/x", [], {}, [[]], [None], {"": {}},
)  # fmt: skip
RAW: Final = (
    b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"1" * 400, b"0." + b"0" * 400 + b"1", b'"\\ud800"', b'"\xff"',
    b"[" * 2_000, b'{"a":' * 2_000, b"01", b"1.", b"'a'", b"\xef\xbb\xbf1", b'"a":1',
)  # fmt: skip
"""What JSON parsers disagree about, in place of a leaf."""
SIZES: Final = ((65_535, 65_535), (0, 36), (36, 0), (65_500, 600), (1, 65_535), (9, 9))
PLACE: Final = "@@here@@"


def malformed(dice: Random, wire: Wire) -> Wire:
    """Return a message with one to three mistakes in key, headers and value."""
    for _ in range(dice.choice((1, 1, 2, 3))):
        wire = dice.choice(MISTAKES)(dice, wire)
    return wire


def wrong_key(dice: Random, wire: Wire) -> Wire:
    """Give another key: none, an empty one, one that is no text, a long one."""
    return Wire(dice.choice((None, b"", b"\xff\xfe\x80", b"k" * 3_000, dice.choice(TEXTS))), wire.value, wire.headers)


def wrong_headers(dice: Random, wire: Wire) -> Wire:
    """Leave a header out, say it twice, say something else, put them in another order, or say too much."""
    headers = [(name, value) for name, value in wire.headers]
    at = dice.randrange(len(headers) or 1)
    name = headers[at][0] if headers else "schema"
    way = dice.randrange(7)
    if way == 0:
        del headers[at : at + 1]
    elif way == 1:
        headers.append((name, dice.choice(TEXTS)))
    elif way in (2, 3):
        headers[at : at + 1] = [(name, dice.choice(TEXTS))]
    elif way == 4:
        headers[at : at + 1] = [(name, None)]
    elif way == 5:
        dice.shuffle(headers)
    else:
        named = dice.choice(("run", "seq", "life", "mark", "context", "stream", "captured_ms", "width", "\x00", "ü" * 50))
        headers.insert(at, (named, dice.choice(TEXTS)))
    return Wire(wire.key, wire.value, headers)


def wrong_value(dice: Random, wire: Wire) -> Wire:
    """Change the value as what it is: JSON, a picture, a vector; or give none, or another message's."""
    value = wire.value or b""
    if value.startswith(b"{"):
        return Wire(wire.key, wrong_json(dice, value), wire.headers)
    if value.startswith(b"\xff\xd8"):
        return Wire(wire.key, wrong_jpeg(dice, value), wire.headers)
    return Wire(wire.key, wrong_vector(dice, value), wire.headers)


def wrong_json(dice: Random, value: bytes) -> bytes:
    """Take a field out, give it another type or an absurd number, or what is no JSON at all."""
    try:
        decoded = orjson.loads(value)
    except orjson.JSONDecodeError:
        return mutant(dice, value)
    holders = list(_holders(decoded))
    if not holders:
        return dice.choice((b"", b"null", b"[]", b"1", *RAW))
    holder = dice.choice(holders)
    name = dice.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    way = dice.random()
    if way < 0.2:
        del holder[name]
    elif way < 0.75:
        holder[name] = dice.choice(LEAVES)
    else:
        holder[name] = PLACE
    written = orjson.dumps(decoded, option=orjson.OPT_PASSTHROUGH_SUBCLASS)
    return written.replace(f'"{PLACE}"'.encode(), dice.choice(RAW))


def wrong_jpeg(dice: Random, value: bytes) -> bytes:
    """Say another size in the header, break off, repeat, or pretend to be something else."""
    at = max(value.find(b"\xff\xc0"), value.find(b"\xff\xc2"))
    sized = bytearray(value)
    if 0 < at <= len(value) - 9:
        struct.pack_into(">HH", sized, at + 5, *dice.choice(SIZES))
    scan = value[value.find(b"\xff\xda") : -2]
    return dice.choice(
        (
            bytes(sized), value[: dice.randrange(len(value))], value[:-2] + scan * 50, value * 2, b"\xff\xd8\xff",
            b"\x89PNG\r\n\x1a\n" + value, b"GIF89a" + value, bytes(dice.randrange(1, 64)), mutant(dice, value),
        )
    )  # fmt: skip


def wrong_vector(dice: Random, value: bytes) -> bytes:
    """Give numbers that are none, another type of number, another dimension, no direction."""
    numbers = np.frombuffer(value[: len(value) // 2 * 2], "<f2").copy()
    if len(numbers):
        numbers[dice.randrange(len(numbers))] = dice.choice((np.nan, np.inf, -np.inf, 65_504, 0))
    return dice.choice(
        (
            numbers.tobytes(), numbers.astype("<f4").tobytes(), numbers.astype(">f2").tobytes(), value[:-2], value + b"\0\0",
            value[1:], bytes(len(value)), b"", b"\x01", value * 2, b"\xff" * len(value), mutant(dice, value),
        )
    )  # fmt: skip


MISTAKES: Final[Sequence[Callable[[Random, Wire], Wire]]] = (wrong_key, wrong_headers, wrong_headers, wrong_value, wrong_value)


def _holders(decoded: Any) -> list[Any]:
    """Return all objects and lists of a JSON document that hold anything."""
    found = [decoded] if isinstance(decoded, (dict, list)) and decoded else []
    for inner in decoded.values() if isinstance(decoded, dict) else decoded if isinstance(decoded, list) else ():
        found += _holders(inner)
    return found
