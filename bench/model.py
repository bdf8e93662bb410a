"""How busy the model of a running stack is, from what its embedder says of itself."""

import json
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

LANES: Final = ("live", "bulk")


@dataclass(frozen=True)
class Model:
    """Pictures and seconds of the model by lane: totals, or after `since` those of a second."""

    images: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def since(self, before: "Model", seconds: float) -> "Model":
        """Return what was added to an earlier state in each of so many seconds."""
        images = {lane: (self.images[lane] - before.images[lane]) / seconds for lane in LANES}
        return Model(images, {lane: (self.seconds[lane] - before.seconds[lane]) / seconds for lane in LANES})

    def __str__(self) -> str:
        """Say it of a second."""
        said = [f"{lane} {self.images[lane]:.0f} pictures/s in {100 * self.seconds[lane]:.0f} % of the time" for lane in LANES]
        return "; ".join(said)


def model_of(home: Path) -> Model:
    """Return the totals of the embedder of the stack in `home`."""
    port = json.loads((home / "ports.json").read_text())["embedder"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    found = {
        (sample.name, sample.labels.get("lane", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    images = {lane: found.get(("framebus_embedder_images_total", lane), 0.0) for lane in LANES}
    return Model(images, {lane: found.get(("framebus_embedder_step_seconds_sum", lane), 0.0) for lane in LANES})
