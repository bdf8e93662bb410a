"""The first try of a rebuild is killed while it fills, and no other."""

import sys
import time
from pathlib import Path

import pytest

from framebus.local.children import Child, Program
from framebus.local.places import python_environment
from tests.chaos import rebuilding
from tests.chaos.processes import until
from tests.chaos.rebuilding import CREATED, Rebuilds

FIRST_LASTS = f"""
import sys, time
from pathlib import Path
print({CREATED!r}, flush=True)
been = Path(sys.argv[1])
if not been.exists():
    been.touch()
    time.sleep(60)
time.sleep(0.5)
"""
SECONDS = 20.0


@pytest.fixture
def rebuilds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rebuilds:
    for name in ("FIRST_SECONDS", "AGAIN_SECONDS", "KILLED_AFTER_SECONDS"):
        monkeypatch.setattr(rebuilding, name, 0.0)
    return Rebuilds({}, tmp_path, "no Kafka", "no Milvus", 1)


def runs(rebuilds: Rebuilds, folder: Path, code: str) -> None:
    command = (sys.executable, "-c", code, str(folder / "been"))
    rebuilds._child = Child(Program("rebuild", command, python_environment(), folder / "log", is_ready=lambda: True))


def test_the_first_try_is_killed_once_it_has_a_collection_and_the_next_one_is_not(rebuilds: Rebuilds, tmp_path: Path) -> None:
    runs(rebuilds, tmp_path, FIRST_LASTS)

    def is_done() -> bool:
        rebuilds.turn()
        return rebuilds.done > 0

    assert until(is_done, SECONDS)
    assert (rebuilds.broken_off, rebuilds.done) == (1, 1)


def test_a_try_that_has_no_collection_yet_goes_on(rebuilds: Rebuilds, tmp_path: Path) -> None:
    runs(rebuilds, tmp_path, "import time; time.sleep(60)")
    began = time.monotonic()
    while time.monotonic() < began + 0.5:
        rebuilds.turn()
        time.sleep(0.05)
    assert rebuilds._child.is_running()
    rebuilds.close()
    assert not rebuilds._child.is_running()
