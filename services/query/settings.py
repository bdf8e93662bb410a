"""Settings of the query service."""

from dataclasses import dataclass
from pathlib import Path

from schemas.networks import SETTING, expected_networks
from streaming.settings import at_least, between, setting


@dataclass(frozen=True)
class QuerySettings:
    """Read once, in `__main__`."""

    encoder: str = setting("FRAMEBUS_ENCODER", meaning="encoder of the collection: pico-1 or the path of a model folder")
    kafka: str = setting("FRAMEBUS_KAFKA", default="127.0.0.1:9092", meaning="Kafka bootstrap servers")
    milvus: str = setting(
        "FRAMEBUS_MILVUS", default="http://127.0.0.1:19530", meaning="Milvus, http://host:port or unix:/path of a socket"
    )
    media: Path = setting("FRAMEBUS_MEDIA", default=Path("media"), meaning="folder of the media store")
    host: str = setting(
        "FRAMEBUS_QUERY_HOST", default="127.0.0.1", meaning="address that is listened on; without keys only a loopback one"
    )
    port: int = setting("FRAMEBUS_QUERY_PORT", default=8080, meaning="port of API, page and health", check=between(0, 65535))
    keys: Path | None = setting("FRAMEBUS_QUERY_KEYS", default=None, meaning="file of the API keys, mode 0600")
    local_key: str | None = setting(
        "FRAMEBUS_API_KEY", default=None, meaning="one more key with every role, as the local stack makes it", secret=True
    )
    address_schemes: tuple[str, ...] = setting(
        "FRAMEBUS_QUERY_ADDRESS_SCHEMES",
        default=("file", "http", "https", "rtsp", "rtsps"),
        meaning="schemes that addresses of sources may have",
    )
    source_networks: tuple[str, ...] = setting(
        SETTING, default=(),
        meaning="networks that cameras may lie in, as CIDR; without any there are none, and http(s) may lead anywhere",
        check=expected_networks,
    )  # fmt: skip
    secrets: Path = setting(
        "FRAMEBUS_SECRETS", default=Path(".framebus/secrets"), meaning="folder of the passwords of sources, mode 0700"
    )
    auto_register: bool = setting(
        "FRAMEBUS_AUTO_REGISTER", default=False, meaning="1: a sender with an unknown source_id is registered as kind push"
    )
    file_roots: tuple[str, ...] = setting(
        "FRAMEBUS_QUERY_FILE_ROOTS", default=(), meaning="folders below which local files may be sources; / allows all"
    )
    sample_fps: float = setting(
        "FRAMEBUS_QUERY_SAMPLE_FPS",
        default=2.0,
        meaning="samples a second of a file that asks for nothing",
        check=between(0.01, 60),
    )
    camera_fps: float = setting(
        "FRAMEBUS_QUERY_CAMERA_FPS",
        default=1.0,
        meaning="samples a second of a camera that asks for nothing",
        check=between(0.01, 60),
    )
    threads: int = setting("FRAMEBUS_QUERY_THREADS", default=4, meaning="searches at the same time", check=at_least(1))
    heartbeat: Path | None = setting(
        "FRAMEBUS_QUERY_HEARTBEAT", default=None, meaning="file touched while topics are followed, for a liveness probe"
    )
