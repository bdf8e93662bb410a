"""`framebus config`."""

import dataclasses
import os
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

import services
from framebus.cli.application import application
from framebus.cli.failure import bad_usage
from framebus.cli.screen import console, print_json
from streaming.settings import Described, describe

app = application()


@app.command()
def config(
    service: Annotated[
        str | None, typer.Argument(metavar="SERVICE", help="decoder, embedder, indexer or query; all by default.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """List every setting of a service: its variable, the value in force here, where that came from, what it means.

    Services read their settings from the environment once, at start; a variable that is set in this shell is shown with
    its value. `framebus up` sets addresses and ports for the services that it starts.
    """
    known = configurable()
    if service is not None and service not in known:
        raise bad_usage(f"framebus config {service}", "no such service", f"services are {', '.join(known)}")
    described = {name: settings_of(name) for name in ([service] if service else known)}
    if as_json:
        print_json({name: [dataclasses.asdict(one) for one in settings] for name, settings in described.items()})
        return
    for name, settings in described.items():
        console().print(settings_table(name, settings))


def configurable() -> list[str]:
    """Return the names of the services that have settings."""
    packages = [found.name for found in iter_modules(services.__path__) if found.ispkg]
    return [name for name in packages if find_spec(f"services.{name}.settings")]


def settings_of(service: str) -> list[Described]:
    """Describe the settings of a service as this environment gives them."""
    module = import_module(f"services.{service}.settings")
    return [one for declared in _declared(module) for one in describe(declared, os.environ)]


def _declared(module: Any) -> list[type[Any]]:
    classes = [value for value in vars(module).values() if isinstance(value, type) and dataclasses.is_dataclass(value)]
    return [one for one in classes if one.__module__ == module.__name__ and one.__name__.endswith("Settings")]


def settings_table(service: str, settings: list[Described]) -> Table:
    """Return one line a setting; what the environment sets is bold."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=service, title_justify="left", title_style="bold")
    table.add_column("variable", no_wrap=True)
    table.add_column("value", overflow="fold")
    table.add_column("from", no_wrap=True)
    table.add_column("meaning", overflow="fold")
    for one in settings:
        table.add_row(one.variable, one.value, one.origin, one.meaning, style="bold" if one.origin != "default" else "")
    return table
