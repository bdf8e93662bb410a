"""A list of sources in a CSV file: one line each, the columns named as the options of `framebus add`."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from framebus.cli.failure import Failure, bad_usage, not_yet
from framebus.cli.labels import parse_labels
from framebus.cli.moments import parse_days

COLUMNS: Final = ("address", "id", "name", "category", "sample_fps", "starts_at", "keep")
LABEL: Final = "label."


def read_manifest(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a manifest as keyword arguments of `Client.add`."""
    if path.suffix.lower() in (".yaml", ".yml"):
        raise not_yet(f"{path}: a manifest in YAML", f"write it as CSV, the first line: {','.join(COLUMNS)},label.KEY")
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Failure(str(path), f"cannot be read: {error}") from None
    return [_wanted(row, f"{path}, line {number}") for number, row in enumerate(rows, start=2)]


def _wanted(row: Mapping[str | None, Any], where: str) -> dict[str, Any]:
    unknown = [column for column in row if column not in COLUMNS and not str(column).startswith(LABEL)]
    if unknown or not row.get("address"):
        wrong = f"column {unknown[0]!r} is not known" if unknown else "no address"
        raise bad_usage(where, wrong, f"columns are {', '.join(COLUMNS)} and {LABEL}KEY for labels; address is required")
    labels = [
        f"{str(column).removeprefix(LABEL)}={value}" for column, value in row.items() if str(column).startswith(LABEL) and value
    ]
    wanted = {"address": row["address"], "source_id": row.get("id"), "labels": parse_labels(labels)}
    wanted |= {name: row.get(name) for name in ("name", "category", "starts_at")}
    wanted["sample_fps"] = _number(row.get("sample_fps"), where)
    wanted["keep_days"] = parse_days(row["keep"]) if row.get("keep") else None
    return {key: value for key, value in wanted.items() if value}


def _number(text: str | None, where: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        raise bad_usage(where, f"sample_fps {text!r} is not a number", "give samples a second, for example 2") from None
