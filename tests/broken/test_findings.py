"""What is found is kept, with its seed in its name, and makes the command fail."""

from pathlib import Path

from tests.broken.__main__ import Findings, judge
from tests.broken.targets import Target


def refuse(given: bytes) -> None:
    if b"boom" in given:
        raise KeyError("boom")


def test_an_input_that_is_too_much_is_kept_beside_the_others(tmp_path: Path) -> None:
    findings = Findings(tmp_path)
    for number, given in enumerate((b"quiet", b"a boom", b"quiet")):
        judge(findings, Target("planted/1", [b"quiet"], refuse), given, f"seed-9-planted/1-{number}")
    assert findings.tried["planted/1"] == 3
    assert findings.faults == [f"{tmp_path}/seed-9-planted-1-1: KeyError: 'boom'"]
    assert (tmp_path / "seed-9-planted-1-1").read_bytes() == b"a boom"
