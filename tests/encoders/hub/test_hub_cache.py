"""Where exported models lie: found by revision, whole or not there, made by one at a time. No torch is needed for any of it."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from encoders.errors import EncoderError
from encoders.hub.address import Repository, parse
from encoders.hub.cache import ModelCache, filled_whole, models_folder

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def fill(cache: ModelCache, name: str, commit: str = COMMIT) -> None:
    with cache.new_folder(name, commit) as folder:
        (folder / "encoder.json").write_text("{}")


@pytest.mark.parametrize(
    ("address", "name", "revision"),
    [
        ("hf:google/siglip2-base-patch16-224", "google/siglip2-base-patch16-224", "main"),
        ("hf:laion/CLIP-ViT-B-32-laion2B-s34B-b79K@refs/pr/3", "laion/CLIP-ViT-B-32-laion2B-s34B-b79K", "refs/pr/3"),
        (f"hf:org/name@{COMMIT}", "org/name", COMMIT),
    ],
)
def test_an_address_names_a_repository_at_a_revision(address: str, name: str, revision: str) -> None:
    assert parse(address) == Repository(name, revision)
    assert str(parse(address)) == address


@pytest.mark.parametrize(
    "address",
    ["hf:", "hf:name", "hf:../../x", "hf:org/..", "hf:org/name/../x", "hf:a--b/c", "hf:org/name@", "hf:org/name@a/../b",
     "hf:org/name@/etc", "hf:org/na me", "hf:-org/name", "hf:org/name@main#torch", "hf:https://host/org/name"],
)  # fmt: skip
def test_what_names_no_repository_is_refused(address: str) -> None:
    with pytest.raises(EncoderError, match="expected"):
        parse(address)


def test_a_branch_is_the_commit_that_it_was_when_it_was_exported(tmp_path: Path) -> None:
    cache = ModelCache(tmp_path)
    assert cache.find(Repository("org/name")) is None
    fill(cache, "org/name")
    cache.remember(Repository("org/name"), COMMIT)
    expected = tmp_path / f"org--name@{COMMIT}"
    assert cache.find(Repository("org/name")) == cache.find(Repository("org/name", COMMIT)) == expected
    assert cache.find(Repository("org/name", "refs/pr/1")) is cache.find(Repository("org/other")) is None


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    cache = ModelCache(tmp_path)
    with pytest.raises(FileNotFoundError), cache.new_folder("org/name", COMMIT) as folder:
        (folder / "absent" / "encoder.json").write_text("{}")
    with cache.new_folder("org/name", COMMIT) as folder:
        (folder / "encoder.json").write_text("{}")
        assert cache.folder("org/name", COMMIT) is None
    assert cache.folder("org/name", COMMIT) is not None
    assert [path.name for path in tmp_path.iterdir()] == [f"org--name@{COMMIT}"]
    with filled_whole(tmp_path / "deep" / "out") as folder:
        (folder / "a").write_text("")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]


def test_two_exports_of_one_model_take_turns_and_clear_what_a_crash_left(tmp_path: Path) -> None:
    cache, said, order = ModelCache(tmp_path), [], []
    waits = threading.Event()

    def say(line: str) -> None:
        said.append(line)
        waits.set()

    def second() -> None:
        with cache.alone("org/name", say):
            order.append("second")

    rest = tmp_path / ".org--name.partial-x" / "half"
    rest.mkdir(parents=True)
    other = threading.Thread(target=second)
    with cache.alone("org/name", say):
        assert not rest.exists()
        other.start()
        assert waits.wait(10)
        order.append("first")
    other.join(10)
    assert order == ["first", "second"]
    assert said == ["another process exports org/name: waiting for it"]


@pytest.mark.parametrize("commit", ["../../etc", "a/b", "", ".."])
def test_no_commit_leads_out_of_the_cache(tmp_path: Path, commit: str) -> None:
    with pytest.raises(EncoderError, match="not a commit"):
        ModelCache(tmp_path).folder("org/name", commit)


def test_models_lie_where_the_variable_says_else_in_the_user_s_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FRAMEBUS_MODELS", str(tmp_path / "models"))
    assert models_folder() == tmp_path / "models"
    monkeypatch.delenv("FRAMEBUS_MODELS")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert models_folder() == tmp_path / "framebus" / "models"


def test_without_the_extra_the_error_says_what_to_run(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules.update(torch=None, transformers=None)\n"
        "from encoders.address import load\n"
        "load('hf:org/name', threads=1)"
    )
    environment = {**os.environ, "FRAMEBUS_MODELS": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (
        "needs torch, transformers: run `framebus encoder export hf:org/name` where framebus[export] is installed" in run.stderr
    )
