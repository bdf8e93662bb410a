"""The Kafka broker's jars, fetched once from Maven Central: `python -m framebus.local.jars`."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from framebus.local.errors import StackError
from framebus.local.places import CHECKOUT, install_once, tools_folder

POM: Final = CHECKOUT / "deploy" / "local" / "kafka" / "pom.xml"
JAVA_OLDEST: Final = 17


def ensure_jars(tools: Path) -> Path:
    """Return the folder of the broker's jars, fetched into `tools` when it is not there.

    Raises:
        StackError: Java 17 or later, or Maven, is missing, or Maven failed.
    """
    java()
    return install_once(tools / f"kafka-{kafka_version(POM.read_text())}", _fetch)


def java() -> str:
    """Return the path of `java`.

    Raises:
        StackError: it is missing, or older than Java 17.
    """
    path = shutil.which("java")
    if path is None:
        raise StackError("`java` was not found and Kafka needs Java 17 or later: apt install openjdk-17-jre-headless")
    said = subprocess.run([path, "-version"], capture_output=True, text=True, check=False).stderr
    version = java_version(said)
    if version < JAVA_OLDEST:
        raise StackError(f"{path} is Java {version} and Kafka needs Java 17 or later: apt install openjdk-17-jre-headless")
    return path


def java_version(said: str) -> int:
    """Return the feature release in the output of `java -version`: 17 for `17.0.15`, 8 for `1.8.0_292`, 0 for none."""
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(found[1]) if found else 0


def kafka_version(pom: str) -> str:
    """Return the broker's version that a POM pins."""
    found = re.search(r"<kafka\.version>([^<]+)</kafka\.version>", pom)
    if found is None:
        raise StackError(f"{POM} names no kafka.version")
    return found[1]


def _fetch(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise StackError("`mvn` was not found and Kafka's jars come from Maven Central: apt install maven")
    repository = folder.parent / "repository"
    command = [
        maven, "-B", "-q", "--strict-checksums", "-f", str(POM), f"-Dmaven.repo.local={repository}",
        "dependency:copy-dependencies", f"-DoutputDirectory={folder}", "-DincludeScope=runtime",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        errors = [line for line in done.stdout.splitlines() if "ERROR" in line] or [f"exit status {done.returncode}"]
        raise StackError(f"Maven could not fetch Kafka's jars: {errors[0]} (is Maven Central, or your mirror of it, reachable?)")


if __name__ == "__main__":
    try:
        print(ensure_jars(tools_folder()))
    except StackError as error:
        sys.exit(str(error))
