"""Passwords of sources are kept apart, given back whole, and never shown."""

import stat
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.secrets import SecretStore, UnknownSecret, redact, reveal, shown, split_password

ADDRESS = "rtsp://admin:p%40ss%2Fword@10.0.0.7:554/ch1?profile=0"


def test_a_password_is_split_off_and_given_back(tmp_path: Path) -> None:
    kept, password = split_password(ADDRESS, "cam-1")
    assert kept == "rtsp://admin:${secret:cam-1}@10.0.0.7:554/ch1?profile=0"
    assert password == "p@ss/word"
    store = SecretStore(tmp_path / "secrets")
    store.put("cam-1", password)
    assert reveal(kept, store) == ADDRESS


@given(st.text(min_size=1, max_size=30).filter(lambda text: text.encode(errors="ignore").decode() == text))
def test_any_password_survives_the_way_through_an_address(password: str) -> None:
    kept, split = split_password(f"rtsp://me:{quote(password, safe='')}@host/live", "cam")
    assert (kept, split) == ("rtsp://me:${secret:cam}@host/live", password)


@pytest.mark.parametrize(
    "address", ["rtsp://host/live", "rtsp://me@host/live", "rtsp://me:${secret:other}@host/live", "/a/b.mp4"]
)
def test_an_address_without_a_password_stays_as_it_is(address: str) -> None:
    assert split_password(address, "cam") == (address, None)


def test_only_the_owner_reads_a_secret(tmp_path: Path) -> None:
    store = SecretStore(tmp_path / "secrets")
    store.put("cam", "one")
    store.put("cam", "two")
    assert store.get("cam") == "two"
    (path,) = (tmp_path / "secrets").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["absent", "../cam", ""])
def test_an_unknown_secret_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnknownSecret, match="secret"):
        SecretStore(tmp_path).get(name)


def test_a_removed_secret_is_gone(tmp_path: Path) -> None:
    store = SecretStore(tmp_path)
    store.put("cam", "one")
    store.remove("cam")
    store.remove("cam")
    with pytest.raises(UnknownSecret):
        store.get("cam")


def test_what_a_library_says_is_shown_without_passwords() -> None:
    said = f"could not open {ADDRESS}: p@ss/word refused"
    assert redact(said, "p@ss/word") == "could not open rtsp://admin:***@10.0.0.7:554/ch1?profile=0: *** refused"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (ADDRESS, "rtsp://admin:***@10.0.0.7:554/ch1?profile=0"),
        ("rtsp://me:a/b@c#d@host/live", "rtsp://me:***@host/live"),
        ("me:secret@host/live", "me:***@host/live"),
        ("RTSP://me:se\ncret@host", "RTSP://me:***@host"),
        ("rtsp://me@host:554/live", "rtsp://me@host:554/live"),
        ("/films/a:b.mp4", "/films/a:b.mp4"),
    ],
)
def test_an_address_is_shown_without_its_password_however_it_is_spelt(typed: str, expected: str) -> None:
    assert shown(typed) == expected


def test_what_a_killed_process_has_left_of_a_secret_goes_with_it_and_nothing_of_others(tmp_path: Path) -> None:
    store = SecretStore(tmp_path)
    for name in (".cam.4711", ".cam.1.4711", "cam", "cam.1"):
        (tmp_path / name).write_text("one")
    store.remove("cam")
    assert {path.name for path in tmp_path.iterdir()} == {".cam.1.4711", "cam.1"}
