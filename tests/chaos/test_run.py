"""A short run of `make chaos`, and the negative control: who commits too early is caught by the same comparison."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from encoders.address import load
from framebus.local.errors import StackError
from tests.chaos.faults import DEATHS, Fault, schedule
from tests.chaos.films import films
from tests.chaos.fleet import Ground, ground
from tests.chaos.run import Plan, run
from tests.chaos.table import lines
from tests.servers import absent
from tests.tiny_model import make_tiny_model

SEED, KILLS = 11, 5
QUICK = [pair for pair in DEATHS if pair != ("kill", "milvus")]
"""Milvus takes longest to come back: tests/indexer/test_service.py kills it."""
LEAST = {"decoder": 1, "embedder": 1, "indexer-live": 1, "indexer-bulk": 1, "query": 1}


@pytest.fixture(scope="module")
def chaos_ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    try:
        with ground(tmp_path_factory.mktemp("chaos")) as servers:
            yield servers
    except StackError as error:
        absent(str(error))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.mark.timeout(400)
def test_rows_equal_an_uninterrupted_run_under_faults_of_a_seed(chaos_ground: Ground, model: Path, tmp_path: Path) -> None:
    made = films(tmp_path, load(str(model), threads=1), lengths=(24, 30))
    moves = ("file-again", "file-gone")
    plan = Plan(SEED, KILLS, schedule(SEED, KILLS, QUICK), made, model, over_udp=0, drain_seconds=180, moves=moves)
    report = run(chaos_ground, plan)
    assert report.is_clean, "\n".join(lines(report))
    assert report.rows["files"].expected > 1000
    assert report.rows["cameras"].expected > 10
    assert report.rows["moved"].expected > 50


@pytest.mark.timeout(400)
def test_an_indexer_that_commits_too_early_is_caught(chaos_ground: Ground, model: Path) -> None:
    faults = [Fault(2.0, "kill", "indexer-live", 0.0)] * 2
    modules = {"indexer-live": "tests.chaos.automatic"}
    plan = Plan(SEED, 2, faults, [], model, workers=LEAST, modules=modules, catch_up_seconds=0, name="hasty")
    report = run(chaos_ground, plan)
    cameras = report.rows["cameras"]
    assert cameras.missing or cameras.wrong
    assert cameras.expected > len(cameras.missing) + len(cameras.wrong), "it writes, and not too little by far"
    assert not report.is_clean
