"""Where a camera is: what is said where its password cannot be had."""

from pathlib import Path

import pytest

from schemas.networks import parse_networks
from services.decoder.cameras.errors import CameraDown
from services.decoder.cameras.places import find
from streaming.secrets import SecretStore

ADDRESS = "rtsp://viewer:${secret:door}@127.0.0.1/live"
NETWORKS = parse_networks(["127.0.0.0/8"])


def test_a_password_is_filled_in(tmp_path: Path) -> None:
    (tmp_path / "door").write_text("pa/ss")
    assert find(ADDRESS, SecretStore(tmp_path), NETWORKS).url == "rtsp://viewer:pa%2Fss@127.0.0.1:554/live"


def test_a_secret_that_the_disk_does_not_give_is_told_as_a_camera_that_is_away(tmp_path: Path) -> None:
    (tmp_path / "door").mkdir()
    with pytest.raises(CameraDown, match=r"^its password cannot be read \(IsADirectoryError\)$"):
        find(ADDRESS, SecretStore(tmp_path), NETWORKS)


def test_a_secret_that_is_no_text_is_told_as_a_camera_that_is_away(tmp_path: Path) -> None:
    (tmp_path / "door").write_bytes(b"\xff\xfe")
    with pytest.raises(CameraDown, match=r"^its password cannot be read \(UnicodeDecodeError\)$"):
        find(ADDRESS, SecretStore(tmp_path), NETWORKS)
