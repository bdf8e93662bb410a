import os
import subprocess
import sys
from pathlib import Path

import pytest

from framebus.client import Client, FramebusError, NoStackError, find_stack, home_folder
from framebus.client.errors import error_of


def leave_stack(home: Path, url: str, pid: int) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "stack.json").write_text(f'{{"url": "{url}", "key": "fb_key", "pid": {pid}, "later": true}}')


def ended_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_home_is_given_or_set_or_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert home_folder(tmp_path / "a", {"FRAMEBUS_HOME": "b"}) == tmp_path / "a"
    assert home_folder(None, {"FRAMEBUS_HOME": "b"}) == tmp_path / "b"
    assert home_folder(None, {}) == tmp_path / ".framebus"


def test_a_running_stack_is_found_with_its_key(tmp_path: Path) -> None:
    leave_stack(tmp_path, "http://127.0.0.1:1234", os.getpid())
    stack = find_stack(tmp_path)
    assert (stack.url, stack.key) == ("http://127.0.0.1:1234", "fb_key")


def test_a_stack_whose_process_has_ended_is_not_running(tmp_path: Path) -> None:
    leave_stack(tmp_path, "http://127.0.0.1:1234", ended_pid())
    with pytest.raises(NoStackError, match="no stack is running"):
        find_stack(tmp_path)


def test_the_only_stack_in_a_folder_of_the_home_is_found(tmp_path: Path) -> None:
    leave_stack(tmp_path / "demo", "http://127.0.0.1:1", os.getpid())
    assert find_stack(tmp_path).url == "http://127.0.0.1:1"


def test_of_two_stacks_below_a_home_none_is_chosen(tmp_path: Path) -> None:
    leave_stack(tmp_path / "demo", "http://127.0.0.1:1", os.getpid())
    leave_stack(tmp_path / "other", "http://127.0.0.1:2", os.getpid())
    with pytest.raises(NoStackError, match="several"):
        find_stack(tmp_path)


def test_a_torn_stack_file_is_no_stack(tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text('{"url": "http')
    with pytest.raises(NoStackError):
        find_stack(tmp_path)


def test_a_server_that_is_not_there_is_a_missing_stack() -> None:
    with Client("http://127.0.0.1:9", "fb_key") as client, pytest.raises(NoStackError, match=r"127\.0\.0\.1:9"):
        client.sources()


def test_a_problem_document_becomes_an_error_with_its_parts() -> None:
    error = error_of(404, "Not Found", b'{"title": "Not found", "detail": "no source \'x\'", "field": "source_id"}')
    assert (error.title, error.detail, error.status, error.field) == ("Not found", "no source 'x'", 404, "source_id")


@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"[]"])
def test_an_answer_that_is_no_problem_document_still_becomes_an_error(body: bytes) -> None:
    error = error_of(502, "Bad Gateway", body)
    assert isinstance(error, FramebusError)
    assert "502 Bad Gateway" in str(error)
