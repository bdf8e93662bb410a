"""What one part measures: its words, its models, its tables and its figures."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from bench.vit import Sizes, make_vit_folder

TABLES: Final = "gpu.md"
TINY_BLOCKS: Final = 1


@dataclass
class Part:
    """A part that runs. `quick` is for a try: models of one block, moments in place of measurements."""

    name: str
    out: Path
    models: Path
    quick: bool
    figures: dict[str, Any] = field(default_factory=dict)

    def sizes(self, sizes: Sizes) -> Sizes:
        """Return the sizes to measure with."""
        return replace(sizes, blocks=TINY_BLOCKS) if self.quick else sizes

    def folder(self, sizes: Sizes) -> Path:
        """Return a model folder of such sizes, which parts share."""
        path = self.models / sizes.name
        return path if (path / "encoder.json").exists() else make_vit_folder(path, sizes)

    def tell(self, key: str, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Print a table at once, and keep it as Markdown and as JSON: what comes later may fail."""
        table = markdown(title, columns, rows)
        print(table, flush=True)
        with (self.out / TABLES).open("a") as file:
            file.write(f"{table}\n")
        self.figures[key] = {"title": title, "columns": list(columns), "rows": [list(row) for row in rows]}
        (self.out / f"{self.name}.json").write_text(json.dumps(self.figures, indent=1))


def begin(name: str) -> Part:
    """Return the part that the command line asks for."""
    parser = argparse.ArgumentParser(prog=f"python -m bench.gpu.{name}")
    parser.add_argument("out", type=Path)
    parser.add_argument("models", type=Path)
    parser.add_argument("--quick", action="store_true")
    words = parser.parse_args()
    return Part(name, words.out, words.models, words.quick)


def markdown(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table with its title above it."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join((f"{title}\n", *(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines), ""))
