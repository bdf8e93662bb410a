"""What this service needs before it can answer, and what of it is there."""

from collections.abc import Callable, Mapping
from typing import Final, Literal

from services.query.problems import unavailable

Part = Literal["kafka", "milvus", "model"]
MEANING: Final[Mapping[Part, str]] = {
    "kafka": "the sources from Kafka",
    "milvus": "the collection in Milvus",
    "model": "the model",
}


class Readiness:
    """One flag for each part; written by the threads that find out, read by requests."""

    def __init__(self) -> None:
        self._parts: dict[Part, bool] = dict.fromkeys(MEANING, False)
        self._watched: dict[Part, Callable[[], bool]] = {}

    def set(self, part: Part, *, ready: bool) -> None:
        """Note whether a part can be used."""
        self._parts[part] = ready

    def watch(self, part: Part, is_there: Callable[[], bool]) -> None:
        """Let `parts` ask whether a part that was there still is; requests are answered meanwhile from what is known of it."""
        self._watched[part] = is_there

    def parts(self) -> Mapping[str, bool]:
        """Return every part and whether it can be used."""
        return {str(part): ready and self._is_there(part) for part, ready in self._parts.items()}

    def require(self, *needed: Part) -> None:
        """Raise the 503 that names the needed parts that are not there yet."""
        missing = [MEANING[part] for part in needed if not self._parts[part]]
        if missing:
            raise unavailable(f"the service is still starting: waiting for {', '.join(missing)}")

    def _is_there(self, part: Part) -> bool:
        return part not in self._watched or self._watched[part]()
