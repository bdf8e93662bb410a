"""The broker's jars: what is needed is checked and told in one line."""

import pytest

from framebus.local.errors import StackError
from framebus.local.jars import POM, java, java_version, kafka_version


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_292"', 8),
        ('openjdk version "21" 2023-09-19', 21),
        ("command not found", 0),
    ],
)
def test_the_java_version_is_read_from_what_java_says(said: str, version: int) -> None:
    assert java_version(said) == version


def test_a_missing_java_is_told_with_the_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(StackError, match=r"`java` was not found .* apt install openjdk-17-jre-headless"):
        java()


def test_an_old_java_is_told_with_its_version(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("old-java")
    (folder / "java").write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    (folder / "java").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(StackError, match="is Java 11 and Kafka needs Java 17 or later"):
        java()


def test_the_broker_is_pinned() -> None:
    assert kafka_version(POM.read_text()) == "4.3.1"
