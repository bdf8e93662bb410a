"""The settings of Milvus are the package's own, with ours in their places."""

from pathlib import Path

import pytest

from framebus.local.errors import StackError
from framebus.local.milvus_files import SOCKET_PATH_BYTES, fill, override, socket_path


def test_placeholders_take_a_value_or_their_default() -> None:
    template = "port: {{ proxy_port(int): 19530 }}\npath: {{ data }}\nlevel: {{ level: info }} # a comment\n"
    assert fill(template, {"data": "/d"}) == "port: 19530\npath: /d\nlevel: info # a comment\n"
    assert fill(template, {"proxy_port": 1, "data": "/d", "level": "warn"}) == "port: 1\npath: /d\nlevel: warn # a comment\n"


def test_a_dotted_name_is_set_in_its_own_place_only() -> None:
    settings = "a:\n  ttl: 1 # seconds\n  b:\n    ttl: 2\nc:\n  ttl: 3\n"
    assert override(settings, {"a.b.ttl": 9}) == "a:\n  ttl: 1 # seconds\n  b:\n    ttl: 9\nc:\n  ttl: 3\n"


def test_a_name_that_the_server_does_not_know_is_an_error() -> None:
    with pytest.raises(KeyError, match=r"have no a\.typo"):
        override("a:\n  ttl: 1\n", {"a.typo": 9})


def test_the_socket_of_a_deep_home_has_a_short_path(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 100)
    assert len(str(socket_path(deep))) <= SOCKET_PATH_BYTES
    assert socket_path(deep) == socket_path(deep)
    assert socket_path(deep) != socket_path(tmp_path / ("y" * 100))


def test_a_socket_folder_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "socket").mkdir(mode=0o755)
    with pytest.raises(StackError, match="must belong to you with mode 0700"):
        socket_path(tmp_path)
