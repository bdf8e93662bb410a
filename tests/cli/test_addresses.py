from pathlib import Path

import pytest

from framebus.cli.addresses import expand, with_password
from framebus.cli.failure import BAD_USAGE, FAILED, Failure
from framebus.cli.labels import parse_labels
from framebus.cli.manifest import read_manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.mp4", "a.MKV", "notes.txt", ".hidden.mp4", "inner/c.webm"):
        path = tmp_path / "videos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "videos"


def test_a_folder_is_its_video_files_in_order(folder: Path) -> None:
    assert expand([str(folder)], recursive=False) == [str(folder / "a.MKV"), str(folder / "b.mp4")]


def test_recursive_looks_into_folders_of_the_folder(folder: Path) -> None:
    assert str(folder / "inner/c.webm") in expand([str(folder)], recursive=True)


def test_a_named_file_is_taken_whatever_it_is_called_and_only_once(folder: Path) -> None:
    assert expand([str(folder / "notes.txt"), str(folder / "notes.txt")], recursive=False) == [str(folder / "notes.txt")]


def test_a_relative_path_becomes_absolute(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert expand(["b.mp4"], recursive=False) == [str(folder / "b.mp4")]


@pytest.mark.parametrize("address", ["https://example.org/a.mp4?x=1", "rtsp://me:secret@10.0.0.7/1#udp", "rtsps://camera/1"])
def test_an_address_of_the_web_or_of_a_camera_stays_as_it_is(address: str) -> None:
    assert expand([address], recursive=False) == [address]


def test_s3_is_not_available_yet() -> None:
    with pytest.raises(Failure, match="not available yet") as refused:
        expand(["s3://bucket/prefix"], recursive=False)
    assert refused.value.exit_code == BAD_USAGE


@pytest.mark.parametrize(
    "address", ["rtsp://me:hunter2[x@host/1", "rtmp://me:hunter2@host/1", "me:hunter2@host/1", "s3://me:hunter2@b"]
)
def test_no_error_shows_a_password(address: str) -> None:
    with pytest.raises(Failure) as refused:
        expand([address], recursive=False)
    assert "hunter2" not in str(refused.value) + refused.value.remedy


def test_a_password_from_a_file_goes_to_the_user_that_is_named() -> None:
    assert with_password("rtsp://me@host:554/1", "p@ss/:") == "rtsp://me:p%40ss%2F%3A@host:554/1"
    assert with_password("https://me@host/a.mp4", "p@ss") == "https://me:p%40ss@host/a.mp4"
    for address in ("rtsp://host/1", "rtsp://me:other@host/1", "/a.mp4"):
        with pytest.raises(Failure, match="takes no password") as refused:
            with_password(address, "secret")
        assert "other" not in str(refused.value)


@pytest.mark.parametrize("address", ["ftp://host/a.mp4", "file:///etc/passwd", "concat://a"])
def test_other_schemes_are_refused(address: str) -> None:
    with pytest.raises(Failure, match="not an address of a video"):
        expand([address], recursive=False)


def test_a_missing_path_and_an_empty_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="no such file or folder") as refused:
        expand([str(tmp_path / "gone.mp4")], recursive=False)
    assert refused.value.exit_code == FAILED
    with pytest.raises(Failure, match="no video files in this folder"):
        expand([str(tmp_path)], recursive=True)


def test_labels_are_key_equals_value() -> None:
    assert parse_labels(["site=north", "note=a=b", "empty="]) == {"site": "north", "note": "a=b", "empty": ""}


@pytest.mark.parametrize("word", ["site", "=north", ""])
def test_what_is_no_label_is_told(word: str) -> None:
    with pytest.raises(Failure, match="not a label"):
        parse_labels([word])


def test_a_manifest_is_one_source_a_line(tmp_path: Path) -> None:
    manifest = tmp_path / "clips.csv"
    manifest.write_text("address,id,category,sample_fps,keep,label.site\na.mp4,one,news,4,2w,north\nb.mp4,,,,,\n")
    assert read_manifest(manifest) == [
        {
            "address": "a.mp4",
            "source_id": "one",
            "category": "news",
            "sample_fps": 4.0,
            "keep_days": 14.0,
            "labels": {"site": "north"},
        },
        {"address": "b.mp4"},
    ]


@pytest.mark.parametrize(
    ("lines", "wrong"),
    [
        ("address,colour\na.mp4,red\n", "column 'colour' is not known"),
        ("id\none\n", "no address"),
        ("address,sample_fps\na.mp4,fast\n", "not a number"),
        ("address\na.mp4,surplus\n", "column None is not known"),
    ],
)
def test_a_wrong_manifest_names_its_line(tmp_path: Path, lines: str, wrong: str) -> None:
    manifest = tmp_path / "clips.csv"
    manifest.write_text(lines)
    with pytest.raises(Failure, match=wrong) as refused:
        read_manifest(manifest)
    assert "line 2" in refused.value.given


def test_a_manifest_in_yaml_is_not_available_yet(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="not available yet"):
        read_manifest(tmp_path / "clips.yaml")
