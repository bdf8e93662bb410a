"""The rooms of the house: each service runs with only its own folder and what stands left of it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LEFT = ("schemas", "streaming", "encoders", "originals")


@pytest.mark.parametrize("service", ["decoder", "embedder", "indexer", "query"])
def test_a_service_imports_alone(service: str, tmp_path: Path) -> None:
    folders = (*LEFT, f"services/{service}", *(("web",) if service == "query" else ()))
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "__init__.py").touch()
    for folder in folders:
        (tmp_path / folder).symlink_to(ROOT / folder)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import services.{service}.__main__ as main; print(main.__file__)"
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path))


def test_every_lock_file_has_hashes_and_names_no_host() -> None:
    locks = list((ROOT / "requirements").glob("*.txt"))
    assert {lock.stem for lock in locks} >= {"decoder", "embedder", "indexer", "query", "local", "dev"}
    for lock in locks:
        text = lock.read_text()
        assert "://" not in text, lock.name
        assert text.count("==") <= text.count("--hash"), lock.name


@pytest.mark.parametrize("service", ["decoder", "embedder", "indexer", "query", "local"])
def test_nothing_that_runs_needs_torch(service: str) -> None:
    assert "\ntorch==" not in (ROOT / "requirements" / f"{service}.txt").read_text()


def test_except_exception_stands_in_one_file() -> None:
    rooms = ("schemas", "streaming", "encoders", "originals", "services", "framebus")
    found = [
        str(path.relative_to(ROOT))
        for room in rooms
        for path in (ROOT / room).rglob("*.py")
        if "except Exception" in path.read_text() or "except:" in path.read_text()
    ]
    assert found == ["streaming/main.py"]
