import re
import subprocess
import sys
from pathlib import Path

import pytest

from framebus.local.last_words import LONGEST, last_words


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("", "nothing in its log"),
        ("first\njava.io.IOException: no space left\n\n", "java.io.IOException: no space left"),
        ('{"event":"waiting","reason":"Kafka is away","level":"warning"}\n', "waiting: Kafka is away"),
        ('{"event":"failed","exception":"Traceback\\n  ...\\nKeyError: 3","level":"error"}', "failed: KeyError: 3"),
        ('{"event":"planned","chunks":5,"part":"ownership","service":"decoder"}', "planned: chunks 5"),
        ('{"event":"stopped","level":"info"}', "stopped"),
        ('{"no event": 1}', '{"no event": 1}'),
        ('{"event":', '{"event":'),
    ],
)
def test_the_last_line_is_told_as_a_sentence(tmp_path: Path, log: str, said: str) -> None:
    (tmp_path / "log").write_text(log)
    assert last_words(tmp_path / "log") == said


def test_a_long_line_is_cut(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("x" * 10_000)
    assert len(last_words(tmp_path / "log")) == LONGEST + 2


HANGS = """
import faulthandler, threading

def waits_for_ever(): threading.Event().wait()

threading.Thread(target=threading.Event().wait, daemon=True).start()
faulthandler.dump_traceback_later(0.2, exit=True)
waits_for_ever()
"""


def test_of_a_process_that_did_not_end_in_time_the_innermost_frame_of_its_main_thread_is_told(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log:
        subprocess.run([sys.executable, "-c", HANGS], stderr=log, check=False, timeout=30)
    assert re.fullmatch(r'stood at File "\S+threading\.py", line \d+ in wait', last_words(tmp_path / "log"))


@pytest.mark.parametrize("log", ['File "a.py", line 1', 'Traceback (most recent call last):\n  File "a.py", line 1 in b'])
def test_what_only_looks_like_such_a_dump_is_told_as_it_ends(tmp_path: Path, log: str) -> None:
    (tmp_path / "log").write_text(log)
    assert last_words(tmp_path / "log") == log.splitlines()[-1].strip()
