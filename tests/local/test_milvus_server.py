"""Milvus is real, fenced in, and keeps what it confirmed."""

import os
import select
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pymilvus import DataType, MilvusClient

from framebus.local import milvus_files
from framebus.local.milvus import MilvusServer
from framebus.local.places import CHECKOUT, tools_folder
from tests.servers import absent

pytestmark = pytest.mark.brings_servers
CALL_SECONDS = 30


def upsert_rows(client: MilvusClient, count: int) -> None:
    schema = client.create_schema()
    schema.add_field("id", DataType.VARCHAR, max_length=64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=8)
    index = client.prepare_index_params()
    index.add_index("vector", index_type="FLAT", metric_type="COSINE")
    client.create_collection("kept", schema=schema, index_params=index, timeout=CALL_SECONDS)
    rows = [{"id": str(number), "vector": [float(number + 1)] * 8} for number in range(count)]
    client.upsert("kept", rows, timeout=CALL_SECONDS)


def count_rows(client: MilvusClient) -> int:
    client.load_collection("kept", timeout=CALL_SECONDS)
    found = client.query(
        "kept", filter='id != ""', output_fields=["id"], limit=1000, timeout=CALL_SECONDS, consistency_level="Strong"
    )
    return len(found)


@pytest.mark.timeout(120)
def test_a_killed_server_ends_its_fence_and_keeps_confirmed_rows_with_what_its_etcd_has_compacted(
    tmp_path: Path, milvus: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del milvus  # skips where no Milvus can run
    often = milvus_files.ETCD.replace("snapshot-count: 1000", "snapshot-count: 10").replace("10m", "1s")
    assert "1000\n" not in often
    assert "10m" not in often
    monkeypatch.setattr(milvus_files, "ETCD", often)
    server = MilvusServer(tmp_path, tools_folder())
    try:
        server.start()
        upsert_rows(MilvusClient(uri=server.address, timeout=CALL_SECONDS), 100)
        assert list((tmp_path / "data" / "etcd" / "member" / "snap").glob("*.snap")), "the settings of etcd are not read"
        os.kill(server.server_pid, signal.SIGKILL)
        assert server.child.process is not None
        assert server.child.process.wait(10) == 1
        server.start()
        assert count_rows(MilvusClient(uri=server.address, timeout=CALL_SECONDS)) == 100
    finally:
        server.stop()


def test_no_port_of_milvus_can_be_reached_from_outside_its_fence(milvus_server: MilvusServer) -> None:
    inside = Path(f"/proc/{milvus_server.server_pid}")
    assert (inside / "ns" / "net").readlink() != Path("/proc/self/ns/net").readlink()
    assert [line.split(":")[0].strip() for line in (inside / "net" / "dev").read_text().splitlines()[2:]] == ["lo"]
    for port in listening_ports(inside / "net" / "tcp6"):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=1)


def listening_ports(table: Path) -> list[int]:
    fields = [line.split() for line in table.read_text().splitlines()[1:]]
    ports = [int(local.rsplit(":", 1)[1], 16) for _, local, _, state, *_ in fields if state == "0A"]
    assert ports, "the server listens on nothing"
    return ports


def test_the_socket_is_for_this_user_alone(milvus_server: MilvusServer) -> None:
    path = Path(milvus_server.address.removeprefix("unix:"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_server_dies_with_its_fence(tmp_path: Path, milvus: str) -> None:
    del milvus  # skips where no Milvus can run
    server = MilvusServer(tmp_path, tools_folder())
    server.start()
    assert list((tmp_path / "run").glob("standalone-*.pid")), "the server uses the folder that all servers share"
    ended = os.pidfd_open(server.server_pid)
    server.child.kill()
    readable, _, _ = select.select([ended], [], [], CALL_SECONDS)
    os.close(ended)
    assert readable


REFUSED = (
    "echo 0 > /proc/sys/user/max_net_namespaces && "
    "exec $0 -c 'from framebus.local.milvus_fence import enter_namespace as enter; print(enter())'"
)


def test_a_refused_namespace_is_told_with_its_reason() -> None:
    """The limit holds inside a user namespace of its own, where it is also set."""
    command = ["unshare", "--user", "--map-root-user", "sh", "-c", REFUSED, sys.executable]
    said = subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT, check=False)
    if said.returncode != 0:
        absent(f"user namespaces cannot be made here: {said.stderr}")
    assert said.stdout == "No space left on device (errno 28)\n"


def test_open_ports_are_told_loudly(tmp_path: Path) -> None:
    server = MilvusServer(tmp_path, tools_folder())
    (tmp_path / "fence.json").write_text('{"server_pid": 1, "refused": "Operation not permitted (errno 1)"}')
    assert "WITHOUT a password on every network interface" in server.warning()
    assert "Operation not permitted (errno 1)" in server.warning()
