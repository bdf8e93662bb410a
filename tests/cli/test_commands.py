import subprocess
import sys
import time
from pathlib import Path

import pytest

from framebus.cli import main
from framebus.cli.commands import COMMANDS

PROMISED = [
    "up", "add", "sources", "wait", "pause", "resume", "remove", "search", "status", "deadletters", "encoder", "spaces", "export",
    "evaluate", "probes", "keys", "config", "reset",
]  # fmt: skip


@pytest.fixture(autouse=True)
def no_stack(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in ("FRAMEBUS_URL", "FRAMEBUS_API_KEY", "FRAMEBUS_HOME"):
        monkeypatch.delenv(variable, raising=False)


def test_the_table_holds_exactly_the_promised_commands() -> None:
    assert sorted(COMMANDS) == sorted(PROMISED)


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    overview = capsys.readouterr().out
    assert all(f"\n  {name}" in overview for name in PROMISED)


@pytest.mark.parametrize("name", PROMISED)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"Usage: framebus {name}")
    assert len(said.splitlines()) >= 3


@pytest.mark.parametrize(
    "words",
    [
        *([name] for name, command in COMMANDS.items() if command.app is None),
        ["search", "a dog", "--not", "night"],
        ["search", "a dog", "--all", "a cat"],
        ["search", "a dog", "--then", "a cat", "--within", "5"],
        ["search", "a dog", "--chart", "curve.png"],
        ["add", ".", "--watch"],
        ["add", "s3://bucket/prefix"],
        ["add", "--manifest", "clips.yaml"],
    ],
)
def test_what_is_promised_and_not_built_exits_2_and_says_so(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert "not available yet" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["serch"],
        ["search"],
        ["search", "   "],
        ["search", "a dog", "--limit", "0"],
        ["search", "a dog", "--limit", "many"],
        ["search", "a dog", "--colour", "red"],
        ["search", "a dog", "--label", "north"],
        ["search", "a dog", "--since", "yesterday"],
        ["add"],
        ["add", "ftp://host/a.mp4"],
        ["add", "rtsp://me:pa[ss@camera/1"],
        ["add", "rtsp://camera/1", "--password-file", "/dev/null"],
        ["pause"],
        ["encoder"],
        ["config", "coder"],
    ],
)
def test_bad_usage_exits_2_with_what_to_do_on_stderr(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 2
    assert "Traceback" not in captured.err


@pytest.mark.parametrize(
    "words",
    [["sources"], ["wait"], ["status"], ["search", "a dog"], ["pause", "cam-1"], ["remove", "cam-1"], ["resume", "cam-1"]],
)
def test_without_a_stack_commands_say_how_to_start_one(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 1
    assert "framebus up" in capsys.readouterr().err


def test_a_server_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FRAMEBUS_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("FRAMEBUS_API_KEY", "fb_none")
    assert main(["sources"]) == 1
    assert "no stack is running at http://127.0.0.1:9" in capsys.readouterr().err


def test_a_remote_server_needs_a_key(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FRAMEBUS_URL", "https://framebus.example.org")
    assert main(["sources"]) == 2
    assert "FRAMEBUS_API_KEY" in capsys.readouterr().err


def test_a_misspelt_command_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["seek"]) == 2
    main(["searhc"])
    assert "did you mean `framebus search`?" in capsys.readouterr().err


def test_one_id_cannot_name_two_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.mp4").touch()
    (tmp_path / "b.mp4").touch()
    assert main(["add", "a.mp4", "b.mp4", "--id", "one"]) == 2
    assert "cannot share one id" in capsys.readouterr().err


def test_help_imports_no_library() -> None:
    heavy = "{'typer', 'rich', 'httpx', 'numpy', 'msgspec'}"
    program = f"import sys; from framebus.cli import main; main(['--help']); sys.exit(bool({heavy} & set(sys.modules)))"
    began = time.perf_counter()
    assert subprocess.run([sys.executable, "-c", program], check=False, stdout=subprocess.DEVNULL).returncode == 0
    assert time.perf_counter() - began < 10
