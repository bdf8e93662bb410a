"""The settings of Milvus are the package's own, with ours in their places."""

from pathlib import Path

import pytest

from framebus.local.errors import StackError
from framebus.local.milvus_files import SOCKET_PATH_BYTES, fill, override, remove_empty_folders, socket_path


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


def test_folders_of_rows_that_are_gone_are_removed_and_no_other(tmp_path: Path) -> None:
    data = tmp_path / "data"
    kept = data / "insert_log" / "1" / "2" / "3" / "100" / "9"
    for folder in (kept.parent, data / "insert_log" / "1" / "2" / "4" / "100", data / "index_files" / "5" / "1", data / "etcd"):
        folder.mkdir(parents=True)
    kept.write_bytes(b"rows")
    remove_empty_folders(tmp_path)
    assert sorted(str(path.relative_to(data)) for path in data.rglob("*")) == [
        "etcd", *("/".join(kept.relative_to(data).parts[:depth]) for depth in range(1, 7))
    ]  # fmt: skip


def test_the_socket_of_a_deep_home_has_a_short_path(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 100)
    assert len(str(socket_path(deep))) <= SOCKET_PATH_BYTES
    assert socket_path(deep) == socket_path(deep)
    assert socket_path(deep) != socket_path(tmp_path / ("y" * 100))


def test_a_socket_folder_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "socket").mkdir(mode=0o755)
    with pytest.raises(StackError, match="must belong to you with mode 0700"):
        socket_path(tmp_path)
