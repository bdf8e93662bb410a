"""A decoder that Kafka does not hear for longer than a session is put out of its group: its cameras are captured on."""

import asyncio
import json
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import count, pairwise
from pathlib import Path

import pytest

from framebus.demo.camera import CameraServer, LiveScene
from framebus.local.errors import StackError
from framebus.local.jars import ensure_jars
from framebus.local.kafka import GroupTimeouts, KafkaServer
from framebus.local.places import free_ports, tools_folder
from schemas.groups import DECODER_OWNERSHIP
from streaming.admin import create_topics
from tests.chaos.relay import Ends, Forwarder
from tests.decoder.cameras.live_bus import Decoder, LiveBus
from tests.servers import absent

HOST = "127.0.0.1"
FPS = 4.0
TIMEOUTS = GroupTimeouts(session_seconds=2.0, heartbeat_seconds=0.5, shortest_session_seconds=1.0)
SESSION_SAMPLES = round(TIMEOUTS.session_seconds * FPS)
CAMERAS = 6
numbers = count()

StartDecoder = Callable[[str, str], Decoder]


class Way(Forwarder):
    """The way to a broker's second listener, which advertises this one's port."""

    def __init__(self, broker: str, home: Path) -> None:
        """Give the broker at `broker`, which has not started, that listener."""
        super().__init__()
        self.near = broker
        self.port, self._target = free_ports(2)
        properties = home / "server.properties"
        listeners = f"PLAINTEXT://{broker}"
        lines = properties.read_text().replace(
            f"listeners={listeners},", f"listeners={listeners},FAR://{HOST}:{self._target},", 1
        )
        properties.write_text(
            f"{lines}advertised.listeners={listeners},FAR://{HOST}:{self.port}\n"
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,FAR:PLAINTEXT\n"
        )

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._forward, HOST, self.port)

    async def _reach(self) -> Ends:
        return await asyncio.open_connection(HOST, self._target)

    async def _carry(self, client: Ends, server: Ends) -> None:
        await asyncio.gather(self._pump(client[0], server[1], self._pass), self._pump(server[0], client[1], self._pass))

    async def _pass(self, chunk: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(chunk)


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    """Run a broker that tests reach at once, and decoders on a way that can be cut."""
    home = tmp_path_factory.mktemp("broker")
    try:
        server = KafkaServer(home, ensure_jars(tools_folder()), TIMEOUTS)
        way = Way(server.address, home)
        server.start()
    except StackError as error:
        absent(str(error))
    with way:
        yield way
    server.stop()


@pytest.fixture(scope="module")
def bus(way: Way, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveBus]:
    create_topics(way.near)
    folder = tmp_path_factory.mktemp("cameras")
    with closing(LiveBus(way.near, folder / "media", folder / "secrets")) as bus:
        yield bus


@pytest.fixture(scope="module")
def server() -> Iterator[CameraServer]:
    with CameraServer({"scene": LiveScene()}) as server:
        yield server


@pytest.fixture
def start(bus: LiveBus, tmp_path: Path) -> Iterator[StartDecoder]:
    """Start decoders, named, on a way to Kafka; each must leave in order at the end."""
    codes: list[int] = []
    with ExitStack() as ends:

        def start(name: str, kafka: str) -> Decoder:
            decoder = Decoder(bus, tmp_path / f"{name}.log", kafka=kafka)
            decoder.start()
            ends.callback(lambda: codes.append(decoder.end()))
            return decoder

        yield start
    assert set(codes) <= {0, -signal.SIGKILL}


@pytest.fixture
def names(bus: LiveBus, server: CameraServer, start: StartDecoder) -> Iterator[list[str]]:
    """Name cameras, and remove them at the end."""
    names = [f"captured-{next(numbers)}" for _ in range(CAMERAS)]
    yield names
    for one in names:
        bus.want(one, server.url("scene"), wanted="removed")
    bus.wait(lambda: server.mount("scene").viewers == 0)


def cut(way: Way, bus: LiveBus, names: list[str]) -> None:
    """Cut the way for twice a session."""
    way.refuse()
    wait_for_sessions(bus, names)
    way.accept()


def wait_for_sessions(bus: LiveBus, names: list[str]) -> None:
    """Wait until every camera has noted more samples than fit into a session, and then as many again."""
    wanted = {name: len(bus.journal(name)) + 2 * SESSION_SAMPLES for name in names}
    bus.wait(lambda: all(len(bus.journal(name)) >= wanted[name] for name in names), 60)


def has_partitions(decoder: Decoder) -> bool:
    """Whether a decoder was given some of the group that gives cameras."""
    return any(event == "assigned" and partitions for event, partitions in told(decoder))


def was_put_out(decoder: Decoder) -> bool:
    """Whether a decoder was put out of the group that gives cameras, and has joined it again."""
    events = [event for event, _ in told(decoder)]
    return "partitions lost" in events and "assigned" in events[events.index("partitions lost") :]


def told(decoder: Decoder) -> list[tuple[str, int]]:
    """Return what a decoder's log says of that group: what happened, to how many partitions."""
    lines = [json.loads(line) for line in decoder.log.read_text().splitlines() if line.startswith("{")]
    return [
        (line["event"], line["partitions"]) for line in lines if line.get("group") == DECODER_OWNERSHIP and "partitions" in line
    ]


def runs(bus: LiveBus, name: str) -> list[int]:
    return [sample.headers.run or 0 for sample in bus.samples(name)]


def want(bus: LiveBus, server: CameraServer, names: list[str]) -> None:
    """Add cameras, and wait until all of them are sampled."""
    for one in names:
        bus.want(one, server.url("scene"), sample_fps=FPS)
    bus.wait(lambda: all(len(bus.samples(one)) >= 4 for one in names), 60)


def wait_for_more(bus: LiveBus, names: list[str]) -> None:
    """Wait for two seconds of samples of each camera, after what its journal shows."""
    noted = {one: len(bus.journal(one)) for one in names}
    bus.wait(lambda: all(len(bus.samples(one)) >= noted[one] + 2 * FPS for one in names), 40)


def test_cameras_that_come_back_to_their_decoder_were_captured_all_the_time(
    way: Way, bus: LiveBus, server: CameraServer, start: StartDecoder, names: list[str]
) -> None:
    decoder = start("far", way.address)
    want(bus, server, names)
    cut(way, bus, names)
    bus.wait(lambda: was_put_out(decoder), 40)
    wait_for_more(bus, names)
    for one in names:
        headers = [sample.headers for sample in bus.samples(one)]
        assert len({header.run for header in headers}) == 1
        assert [header.seq for header in headers] == list(range(len(headers)))
        assert not bus.ends(one)


@pytest.mark.parametrize("others_way", ["near", "far"])
def test_in_the_end_each_camera_is_captured_by_one(
    way: Way, bus: LiveBus, server: CameraServer, start: StartDecoder, names: list[str], others_way: str
) -> None:
    decoders = [start("one", way.address), start("other", way.address if others_way == "far" else way.near)]
    bus.wait(lambda: all(map(has_partitions, decoders)), 60)
    want(bus, server, names)
    cut(way, bus, names)
    bus.wait(lambda: was_put_out(decoders[0]), 60)
    bus.wait(lambda: server.mount("scene").viewers == len(names), 40)
    wait_for_more(bus, names)
    assert server.mount("scene").viewers == len(names)
    for one in names:
        assert runs(bus, one)[-1] == max(runs(bus, one)), "the largest run is the last"
        noted = sorted(line.t_ms for line in bus.journal(one))
        assert max(later - earlier for earlier, later in pairwise(noted)) <= 3000, "a camera that moves waits for a keyframe"


def test_a_camera_that_another_had_meanwhile_begins_anew(
    way: Way, bus: LiveBus, server: CameraServer, start: StartDecoder, names: list[str]
) -> None:
    decoder = start("far", way.address)
    want(bus, server, names)
    way.refuse()
    other = start("near", way.near)
    bus.wait(lambda: all(len(set(runs(bus, one))) == 2 for one in names), 60)
    other.end(signal.SIGKILL)
    wait_for_sessions(bus, names)
    way.accept()
    bus.wait(lambda: was_put_out(decoder), 40)
    bus.wait(lambda: all(len(set(runs(bus, one))) == 3 for one in names), 40)
    for one in names:
        assert runs(bus, one)[-1] == max(runs(bus, one)), "the largest run is the last"
        assert set(bus.ends(one)) >= set(runs(bus, one)) - {runs(bus, one)[-1]}
