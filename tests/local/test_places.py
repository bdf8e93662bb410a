"""Ports are free and stay the same; what is installed is whole or absent."""

import socket
from pathlib import Path

import pytest

from framebus.local.places import free_ports, install_once, is_free, recorded_ports


def test_free_ports_differ_and_can_be_listened_on() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert all(map(is_free, ports))


def test_a_port_that_is_listened_on_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not is_free(server.getsockname()[1])


def test_recorded_ports_stay_while_they_are_free(tmp_path: Path) -> None:
    record = tmp_path / "ports.json"
    first = recorded_ports(record, ("a", "b"))
    assert recorded_ports(record, ("a", "b")) == first
    with socket.create_server(("127.0.0.1", first["a"])):
        assert recorded_ports(record, ("a", "b"))["a"] != first["a"]


def test_an_installation_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        install_once(tmp_path / "tool", fail)
    assert list(tmp_path.iterdir()) == []


def test_an_installation_happens_once(tmp_path: Path) -> None:
    calls: list[Path] = []
    for _ in range(2):
        install_once(tmp_path / "tool", calls.append)
    assert len(calls) == 1
