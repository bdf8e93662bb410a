"""What a Milvus server needs on disk: the unpacked program, its settings, a place for its socket."""

import hashlib
import importlib.util
import lzma
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from framebus.local.errors import StackError
from framebus.local.places import install_once

VERSION: Final = "2.3.5"
# A Unix socket's address holds 108 bytes, the last of them zero.
SOCKET_PATH_BYTES: Final = 107
LOGS_KEPT: Final = 3
SEGMENT_FOLDERS: Final = ("insert_log", "stats_log", "delta_log", "index_files")
GLOG: Final = "--logtostderr=true\n--minloglevel=2\n"
SETTINGS: Final[Mapping[str, object]] = {
    "log.level": "warn",
    "log.stdout": "false",
    "log.file.maxSize": 20,
    "log.file.maxBackups": 2,
    # The interim index of unsealed rows loses more than half of what a filtered search should find.
    "queryNode.segcore.interimIndex.enableIndex": "false",
    # After a restart the parts of the server meet sessions of the dead one until those expire: rows can be searched after
    # 10 s instead of 35 s. A server that stands still for longer ends itself when it goes on (its shutdown panics: status -6).
    "common.session.ttl": 5,
    "grpc.client.initialBackOff": 0.1,
    "grpc.client.maxBackoff": 0.2,
    "grpc.client.maxMaxAttempts": 200,
    # Each channel ticks for ever; one machine needs few.
    "rootCoord.dmlChannelNum": 4,
    # A row can be searched some ticks after its upsert: 390 ms at a tick of 200 ms, 220 at 100, 70 at 50, for 12 KB/s of log.
    "proxy.timeTickInterval": 50,
}
ETCD: Final = """\
# Otherwise every revision is kept, in memory and on disk, until its 2 GB are full and nothing is written any more.
auto-compaction-mode: periodic
auto-compaction-retention: 10m
# The requests since the last snapshot are kept in memory too: 100,000 of them otherwise. No other member follows.
snapshot-count: 1000
SnapshotCatchUpEntries: 100
"""
"""Of the etcd that runs in the server, whose session, ticks and segments write 80 revisions a minute beside ten cameras."""


def unpack(tools: Path) -> Path:
    """Return the folder of the server's program and libraries, unpacked into `tools` when it is not there (250 MB, 3 s).

    Raises:
        StackError: the package `milvus` is not installed.
    """
    return install_once(tools / f"milvus-{VERSION}", _unpack)


def _unpack(folder: Path) -> None:
    for packed in (_package() / "data" / "bin").glob("*.lzma"):
        target = folder / packed.stem
        with lzma.open(packed) as source, target.open("wb") as output:
            shutil.copyfileobj(source, output, 1 << 20)
        target.chmod(0o755)


def _package() -> Path:
    # The package is found but not imported: importing it starts nothing, yet makes objects that stop servers at exit.
    found = importlib.util.find_spec("milvus")
    if found is None or found.origin is None:
        raise StackError(
            f"the package milvus is not installed: pip install milvus=={VERSION}, or name a server in FRAMEBUS_MILVUS"
        )
    return Path(found.origin).parent


def write_settings(home: Path, logs: Path, ports: Mapping[str, int]) -> None:
    """Write `configs/` below `home`, from where the server reads its settings, and those of the etcd in it."""
    places = {
        "etcd_data_dir": home / "data" / "etcd",
        "local_storage_dir": home / "data",
        "rocksmq_data_dir": home / "data" / "rocksmq",
        "etcd_log_path": logs / "etcd.log",
        "system_log_path": logs,
        "etcd_log_level": "error",
    }
    template = (_package() / "data" / "config.yaml.template").read_text()
    configs = home / "configs"
    configs.mkdir(parents=True, exist_ok=True)
    (configs / "milvus.yaml").write_text(override(fill(template, {**places, **ports}), SETTINGS))
    (configs / "glog.conf").write_text(GLOG)
    etcd_settings(home).write_text(ETCD)


def etcd_settings(home: Path) -> Path:
    """Return where the settings of the etcd in the server lie, which it is told by ETCD_CONFIG_PATH."""
    return home / "configs" / "etcd.yaml"


def fill(template: str, values: Mapping[str, object]) -> str:
    """Replace each `{{ name(type): default }}` of the package's template by its value, else by its default."""

    def value(found: re.Match[str]) -> str:
        return str(values.get(found["name"], found["default"] or ""))

    return re.sub(r"\{\{\s*(?P<name>\w+)(?:\(\w+\))?\s*(?::\s*(?P<default>.*?))?\s*\}\}", value, template)


def override(settings: str, values: Mapping[str, object]) -> str:
    """Set dotted names in a YAML text of plain nested mappings indented by two blanks; other lines stay as they are.

    Raises:
        KeyError: a name is not in the text.
    """
    left = dict(values)
    path: list[str] = []
    lines = settings.splitlines()
    for number, line in enumerate(lines):
        if entry := re.match(r"( *)(\w+):", line):
            path[len(entry[1]) // 2 :] = [entry[2]]
            if (name := ".".join(path)) in left:
                lines[number] = f"{entry[0]} {left.pop(name)}"
    if left:
        raise KeyError(f"the settings of Milvus {VERSION} have no {', '.join(left)}")
    return "\n".join(lines) + "\n"


def remove_old_logs(logs: Path) -> None:
    """Keep the newest logs: the server begins a file under a new name at each start."""
    files = sorted(logs.glob("standalone-*.log"), key=lambda file: file.stat().st_mtime)
    for file in files[:-LOGS_KEPT]:
        file.unlink()


def remove_empty_folders(home: Path) -> None:
    """Remove the folders of rows that are gone, which the server leaves behind: some seventy for each segment that it seals.

    To be done while it does not run: it makes a folder before the file in it.
    """
    for name in SEGMENT_FOLDERS:
        for folder, _, _ in os.walk(home / "data" / name, topdown=False):
            with suppress(OSError):  # which is how one that is not empty is told
                Path(folder).rmdir()


def short_hash(home: Path) -> str:
    """Return eight characters that tell this folder from others."""
    return hashlib.sha256(str(home.absolute()).encode()).hexdigest()[:8]


def socket_path(home: Path) -> Path:
    """Return where the server's socket belongs, in a folder that only this user can enter; the same for the same home.

    Raises:
        StackError: somebody else owns that folder.
    """
    folder = home.absolute() / "socket"
    if len(os.fsencode(folder / "milvus.sock")) > SOCKET_PATH_BYTES:
        folder = Path(tempfile.gettempdir()) / f"framebus-{os.getuid()}-{short_hash(home)}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = folder.lstat()
    if state.st_uid != os.getuid() or stat.S_IMODE(state.st_mode) != 0o700:
        raise StackError(f"{folder} must belong to you with mode 0700: remove it")
    return folder / "milvus.sock"
