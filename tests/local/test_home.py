"""A home folder has one owner, one format and one key."""

import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from framebus.local.errors import StackError
from framebus.local.home import STAMP, own_home
from framebus.local.places import CHECKOUT

OWNER = """
import sys, time
from pathlib import Path
from framebus.local.home import own_home
with own_home(Path(sys.argv[1])) as home:
    print(home.key(), flush=True)
    time.sleep(60)
"""


@contextmanager
def owned_elsewhere(home: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Let another process own `home`; give it and the key that it printed."""
    with subprocess.Popen([sys.executable, "-c", OWNER, str(home)], stdout=subprocess.PIPE, text=True, cwd=CHECKOUT) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_a_second_owner_is_refused_with_the_first_ones_process_id(tmp_path: Path) -> None:
    with owned_elsewhere(tmp_path) as (process, _):
        refusal = rf"a stack already runs in {tmp_path} \(process {process.pid}\)"
        with pytest.raises(StackError, match=refusal), own_home(tmp_path):
            pass


def test_the_lock_of_a_killed_owner_is_free(tmp_path: Path) -> None:
    with owned_elsewhere(tmp_path) as (process, key):
        process.kill()
        process.wait()
        with own_home(tmp_path) as home:
            assert home.key() == key


def test_the_key_is_long_private_and_kept(tmp_path: Path) -> None:
    with own_home(tmp_path) as home:
        key = home.key()
        assert key.startswith("fb_")
        assert len(key) >= 32
        assert home.key() == key
        assert stat.S_IMODE(home.key_file.stat().st_mode) == 0o600


def test_the_address_is_published_privately_and_withdrawn_at_the_end(tmp_path: Path) -> None:
    with own_home(tmp_path) as home:
        home.publish({"url": "http://127.0.0.1:1"})
        assert json.loads((tmp_path / "stack.json").read_text()) == {"url": "http://127.0.0.1:1"}
        assert stat.S_IMODE((tmp_path / "stack.json").stat().st_mode) == 0o600
    assert not (tmp_path / "stack.json").exists()


def test_a_folder_of_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").touch()
    with pytest.raises(StackError, match="holds other files and is no home of Framebus"), own_home(tmp_path):
        pass
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.doc"]


def test_a_folder_that_only_holds_another_home_is_taken(tmp_path: Path) -> None:
    with own_home(tmp_path / "demo"):
        pass
    with own_home(tmp_path):
        assert (tmp_path / STAMP).exists()


def test_a_home_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / STAMP).write_text("99\n")
    with pytest.raises(StackError, match="has format '99' and this version of Framebus uses 1"), own_home(tmp_path):
        pass


def test_an_index_is_not_opened_with_another_encoder(tmp_path: Path) -> None:
    with own_home(tmp_path) as home:
        home.keep_space("pico-1@11111111")
        home.keep_space("pico-1@11111111")
        with pytest.raises(StackError, match=r"made with the encoder pico-1@11111111 .*framebus reset"):
            home.keep_space("pico-1@22222222")
