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
