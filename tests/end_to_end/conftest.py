"""One whole stack for the end-to-end tests, with a small encoder whose vectors are the same in any batch."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from framebus.local.errors import StackError
from framebus.local.jars import java
from tests.end_to_end.stack import LocalStack, local_stack
from tests.servers import absent
from tests.tiny_model import make_tiny_model


def await_that(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Return when `condition` holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.05)


@pytest.fixture(scope="package")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Iterator[LocalStack]:
    try:
        java()
    except StackError as error:
        absent(str(error))
    with local_stack(tmp_path_factory.mktemp("stack") / "home", str(tiny)) as running:
        yield running
