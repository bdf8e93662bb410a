"""Writes what other languages read: a JSON Schema per message, and the table of topics. `make schemas` runs it."""

from pathlib import Path
from typing import Any, Final

import msgspec
import orjson

from schemas.headers import SAID
from schemas.messages import MESSAGES
from schemas.topics import DAY_MS, HOUR_MS, TOPICS, Topic

PUBLISHED: Final = Path(__file__).parent / "published"
TOPICS_PAGE: Final = Path(__file__).parent / "published" / "TOPICS.md"


def file_name(schema: str) -> str:
    """Return the file name of a schema: `source/1` is `source-1`."""
    return schema.replace("/", "-")


def json_schema(schema: str) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a message, with its name as title."""
    (reference,), definitions = msgspec.json.schema_components([MESSAGES[schema]], ref_template="#/$defs/{name}")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": schema, **reference, "$defs": definitions}


def schema_text(schema: str) -> str:
    """Return the published bytes of a JSON Schema."""
    return orjson.dumps(json_schema(schema), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"


def topics_page() -> str:
    """Return the tables of all topics and headers, in Markdown."""
    lines = [
        "# Topics",
        "",
        "Made by `make schemas` from `schemas/topics.py`. A JSON value has its schema beside this page.",
        "",
        "| topic | schema | key | partitions | kept | written by | read by | purpose |",
        "|---|---|---|---|---|---|---|---|",
        *(_line(topic) for topic in TOPICS.values()),
        "",
        "# Headers",
        "",
        "Of the records of `frames-*`, whose value is a JPEG, and of `embeddings-*`, whose value is the vector's numbers as",
        "float16, little-endian. Values are UTF-8 text, integers decimal. What is not listed is ignored.",
        "",
        "| header | what it says |",
        "|---|---|",
        *(f"| `{name}` | {said} |" for name, said in SAID.items()),
    ]
    return "\n".join(lines) + "\n"


def _line(topic: Topic) -> str:
    cells = (
        f"`{topic.name}`", f"`{topic.schema}`", topic.key, str(topic.partitions), _kept(topic),
        ", ".join(topic.writers), ", ".join(topic.readers), topic.purpose,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _kept(topic: Topic) -> str:
    if topic.retention_ms is None:
        return "compacted"
    if topic.retention_ms % DAY_MS == 0:
        return f"{topic.retention_ms // DAY_MS} d"
    return f"{topic.retention_ms // HOUR_MS} h"


def main() -> None:
    """Write all of it."""
    PUBLISHED.mkdir(exist_ok=True)
    for schema in MESSAGES:
        (PUBLISHED / f"{file_name(schema)}.schema.json").write_text(schema_text(schema))
    TOPICS_PAGE.write_text(topics_page())


if __name__ == "__main__":
    main()
