"""`framebus deadletters` against the real query service on the real broker. Every test has a source of its own."""

import json
import uuid
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import msgspec
import numpy as np
import pytest

from encoders.pictures import encode_jpeg
from framebus.cli import main
from framebus.cli.letters import letter_lines
from framebus.client import WholeLetter
from framebus.client.results import LetterHeader, LetterValue
from streaming.admin import create_topics
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.records import Partition, Record
from tests.query.app_under_test import KEY, close, make_app
from tests.query.serving import serve
from tests.query.test_requests import NO_SERVER
from tests.tiny_model import make_tiny_model

JPEG = encode_jpeg(np.full((48, 64, 3), 127, np.uint8))
HOSTILE = "\x1b]0;owned\x07\x9b31m\u202e\n"


@pytest.fixture(scope="module")
def url(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("letters")
    create_topics(kafka)
    under_test = make_app(make_tiny_model(folder / "model"), folder, NO_SERVER, kafka=kafka)
    with serve(under_test.app) as address:
        yield address
    close(under_test)


@pytest.fixture
def name(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    monkeypatch.setenv("FRAMEBUS_URL", url)
    monkeypatch.setenv("FRAMEBUS_API_KEY", KEY)
    monkeypatch.chdir(tmp_path)
    return f"dead-{uuid.uuid4().hex[:8]}"


def refuse(kafka: str, source_id: str, *reasons: str, note: str = "", **replay: str) -> None:
    outbox = Outbox(kafka, "embedder", Metrics())
    said = {"schema": "frame/1", "source_id": source_id, "t_ms": "0", "note": note, **replay}
    raw = [(name, text.encode()) for name, text in said.items()]
    for number, reason in enumerate(reasons):
        outbox.reject(Record(Partition("frames-bulk", 5), number, source_id.encode(), JPEG, raw, 1_000), reason)
    outbox.flush(20)


def ids(capsys: pytest.CaptureFixture[str], source_id: str) -> list[str]:
    capsys.readouterr()
    assert main(["deadletters", "list", "--source", source_id, "--json"]) == 0
    return [one["id"] for one in json.loads(capsys.readouterr().out)["dead_letters"]]


def test_letters_are_listed_and_one_is_shown_and_saved(kafka: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    refuse(kafka, name, "no JPEG", "no JPEG either", note=HOSTILE)
    assert main(["deadletters", "list", "frames-bulk", "--source", name, "--limit", "1"]) == 0
    said = capsys.readouterr().out
    assert "no JPEG either" in said
    assert "1 dead letter; there are older ones" in said
    [newest, oldest] = ids(capsys, name)
    assert main(["deadletters", "show", oldest, "--save", "picture.jpg"]) == 0
    said = capsys.readouterr().out
    assert all(part in said for part in (oldest, "no JPEG", "by embedder", "frames-bulk [5] at 0", "JPEG, 64 × 48 pixels"))
    assert r"note = \x1b]0;owned\x07\x9b31m\u202e\n" in said
    assert Path("picture.jpg").read_bytes() == JPEG
    assert main(["deadletters", "show", newest, "--save", "picture.jpg"]) == 1
    assert main(["deadletters", "show", newest, "--json"]) == 0
    captured = capsys.readouterr()
    assert {"name": "note", "value": HOSTILE} in json.loads(captured.out)["headers"]
    assert not set(HOSTILE.strip()) & set("\x1b\x07\x9b\u202e") & set(captured.out)


def test_replaying_many_is_asked_for_and_a_record_goes_once(
    kafka: str, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(kafka, name, "one", "two")
    first, second = reversed(ids(capsys, name))
    refuse(kafka, name, "one again", dlq_replay_of=first, dlq_replays="1")
    words = ["deadletters", "replay", "--all", "--source", name]
    monkeypatch.setattr("sys.stdin", StringIO())  # nobody answers
    assert main(words) == 1
    captured = capsys.readouterr()
    assert "Send again 2 dead letters (2 of frames-bulk)?" in captured.out + captured.err
    assert "not confirmed" in captured.err
    assert main([*words, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "2 dead letters would be sent again" in said
    assert f"{second} → frames-bulk [5]\n" in said
    assert f"{first} →" not in said
    assert main([*words, "--yes", "--reason", "TWO"]) == 0
    assert "1 dead letter sent again" in capsys.readouterr().out


def test_one_that_is_not_sent_again_says_why_and_fails(kafka: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    refuse(kafka, name, "late", context="1")
    [one] = ids(capsys, name)
    assert main(["deadletters", "replay", one]) == 1
    captured = capsys.readouterr()
    assert captured.out.endswith("0 dead letters sent again, 1 not\n")
    assert captured.err == f"{one}: not sent again: it is of a chunk's margin, which never becomes a row\n"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["replay"], 2, "give IDs, a TOPIC or --all"),
        (["replay", "chunks/1", "--reason", "x"], 2, "an ID and a filter"),
        (["list", "sources"], 1, "expected one of"),
        (["list", "--since", "yesterday"], 2, "not a time"),
        (["show", "chunks/999999999"], 1, "is not there"),
        (["replay", "chunk/1"], 1, "expected TOPIC/NUMBER"),
    ],
)
def test_what_is_wrong_is_told(words: list[str], code: int, told: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    del name
    assert main(["deadletters", *words]) == code
    assert told in capsys.readouterr().err


def test_nothing_that_a_stranger_wrote_reaches_the_terminal_as_it_is() -> None:
    said = dict.fromkeys(("reason", "service", "source_id", "replay_of", "key", "left_out", "obstacle"), HOSTILE)
    value = LetterValue(kind="json", text=f"a{HOSTILE}b")
    headers = (LetterHeader(HOSTILE, HOSTILE),)
    letter = msgspec.structs.replace(WholeLetter(id="chunks/1", topic="chunks", at_ms=0, headers=headers, value=value), **said)
    assert all(line.isprintable() for line in letter_lines(letter, 0))
