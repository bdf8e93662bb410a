"""Passwords of sources are kept apart, given back whole, and never shown."""

import itertools
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.secrets import OtherOrigin, SecretStore, UnknownSecret, origin_of, redact, reveal, shown, split_password

ADDRESS = "rtsp://admin:p%40ss%2Fword@10.0.0.7:554/ch1?profile=0"
ORIGIN = "rtsp://10.0.0.7:554"


def test_a_password_is_split_off_and_given_back(tmp_path: Path) -> None:
    kept, password = split_password(ADDRESS, "cam-1")
    assert kept == "rtsp://admin:${secret:cam-1}@10.0.0.7:554/ch1?profile=0"
    assert password == "p@ss/word"
    store = SecretStore(tmp_path / "secrets")
    store.put("cam-1", password, origin_of(kept))
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
    store.put("cam", "one", ORIGIN)
    store.put("cam", "two", ORIGIN)
    assert store.get("cam", ORIGIN) == "two"
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "secrets").iterdir()} == {0o600}


@pytest.mark.parametrize("name", ["absent", "../cam", ""])
def test_an_unknown_secret_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnknownSecret, match="secret"):
        SecretStore(tmp_path).get(name, ORIGIN)


def test_a_removed_secret_is_gone(tmp_path: Path) -> None:
    store = SecretStore(tmp_path)
    store.put("cam", "one", ORIGIN)
    store.put("cam.5", "two", ORIGIN)
    for left in (".cam.77", ".cam@origin.77", ".cam.5.77"):  # as by a process that was killed while it kept one
        (tmp_path / left).touch()
    store.remove("cam")
    store.remove("cam")
    assert {path.name for path in tmp_path.iterdir()} == {"cam.5", ".cam.5@origin", ".cam.5.77"}
    with pytest.raises(UnknownSecret):
        store.get("cam", ORIGIN)


@pytest.mark.parametrize("other", ["http://10.0.0.7", "https://10.0.0.7:444", "https://10.0.0.8"])
def test_a_secret_goes_to_no_other_origin(tmp_path: Path, other: str) -> None:
    store = SecretStore(tmp_path)
    store.put("cam", "one", origin_of("https://me@10.0.0.7/a.mp4"))
    assert reveal("https://me:${secret:cam}@10.0.0.7/b.mp4", store) == "https://me:one@10.0.0.7/b.mp4"
    with pytest.raises(OtherOrigin, match=r"given for https://10\.0\.0\.7, not .*: add the source again"):
        reveal(other.replace("//", "//me:${secret:cam}@"), store)


def test_a_mounted_secret_goes_where_its_source_says(tmp_path: Path) -> None:
    (tmp_path / "cam").write_text("one")
    assert SecretStore(tmp_path).get("cam", ORIGIN) == "one"


@pytest.mark.parametrize("steps", range(5))
def test_whenever_keeping_ends_a_secret_goes_where_it_was_given_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    other, store = "rtsp://10.0.0.8", SecretStore(tmp_path)
    store.put("cam", "old", ORIGIN)
    end_after(steps, monkeypatch)
    with suppress(InterruptedError):
        store.put("cam", "new", other)
    assert got(store, ORIGIN) == ("old" if steps == 0 else None)
    assert got(store, other) == ("new" if steps >= 3 else None)


def end_after(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what changes a folder's entries fail from some step on, as if the process were killed there."""
    left = itertools.count(steps, -1)

    def stepping(change: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **named: Any) -> Any:
            if next(left) <= 0:
                raise InterruptedError
            return change(*arguments, **named)

        return step

    for name in ("unlink", "replace"):
        monkeypatch.setattr(Path, name, stepping(getattr(Path, name)))


def test_a_secret_that_cannot_be_written_leaves_the_one_that_is_there(tmp_path: Path) -> None:
    store = SecretStore(tmp_path)
    store.put("cam", "old", ORIGIN)
    for origin in (ORIGIN, "rtsp://10.0.0.8"):
        with pytest.raises(UnicodeEncodeError):
            store.put("cam", "no text: \ud800", origin)  # as on a full disk, the second of two files fails
        assert (got(store, ORIGIN), got(store, "rtsp://10.0.0.8")) == ("old", None)
    with pytest.raises(UnicodeEncodeError):
        store.put("new", "\ud800", ORIGIN)
    assert {path.name for path in tmp_path.iterdir()} == {"cam", ".cam@origin"}


def test_what_was_kept_here_is_told_from_what_people_have_put_here(tmp_path: Path) -> None:
    store = SecretStore(tmp_path / "secrets")
    assert store.kept_since() == {}
    store.put("cam.5", "one", ORIGIN)
    for name in ("mounted", ".no name@origin", ".cam.6@origin.77"):
        (tmp_path / "secrets" / name).touch()
    os.utime(tmp_path / "secrets" / ".cam.5@origin", (5, 5))
    for since in (7, 3):  # a new password of the same origin leaves that file as it is
        os.utime(tmp_path / "secrets" / "cam.5", (since, since))
        assert store.kept_since() == {"cam.5": max(5, since)}
    (tmp_path / "secrets" / "cam.5").unlink()
    assert store.kept_since() == {"cam.5": 5}


def got(store: SecretStore, origin: str) -> str | None:
    try:
        return store.get("cam", origin)
    except UnknownSecret:
        return None


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
