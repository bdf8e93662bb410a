"""Settings: one frozen dataclass per service, read once from the environment."""

import dataclasses
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

S = TypeVar("S")
Check = Callable[[Any], str | None]
REQUIRED: Final = object()


class SettingError(ValueError):
    """A setting that cannot be used; names the variable, its value and what is allowed."""


@dataclasses.dataclass(frozen=True)
class Described:
    """A setting as `framebus config` shows it."""

    variable: str
    value: str
    origin: str
    meaning: str


def setting(variable: str, *, default: Any = REQUIRED, meaning: str, check: Check | None = None, secret: bool = False) -> Any:
    """Declare a field of a settings dataclass. `check` returns what is allowed when a value is not; a secret is never shown."""
    metadata = {"variable": variable, "meaning": meaning, "check": check, "secret": secret}
    if default is REQUIRED:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def at_least(smallest: float) -> Check:
    """Allow numbers from `smallest` on."""
    return lambda value: None if value >= smallest else f"a number of at least {smallest}"


def between(smallest: float, largest: float) -> Check:
    """Allow numbers from `smallest` to `largest`."""
    return lambda value: None if smallest <= value <= largest else f"a number from {smallest} to {largest}"


def one_of(*allowed: str) -> Check:
    """Allow these words."""
    return lambda value: None if value in allowed else f"one of {', '.join(allowed)}"


def read(settings: type[S], environ: Mapping[str, str]) -> S:
    """Return `settings` filled from the environment, or raise `SettingError`. An empty variable counts as absent."""
    return settings(**{name: value for name, value in _values(settings, environ) if value is not REQUIRED})


def describe(settings: type[Any], environ: Mapping[str, str]) -> list[Described]:
    """Return every setting: its variable, the value in force, where that came from and what it means."""
    described = []
    for field in dataclasses.fields(settings):
        variable = field.metadata["variable"]
        given = environ.get(variable)
        required = field.default is dataclasses.MISSING
        value = given or ("(must be set)" if required else _shown(field.default))
        shown = "(hidden)" if field.metadata["secret"] and given else value
        described.append(Described(variable, shown, "environment" if given else "default", field.metadata["meaning"]))
    return described


def _values(settings: type[Any], environ: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    hints = get_type_hints(settings)
    for field in dataclasses.fields(settings):
        variable, check = field.metadata["variable"], field.metadata["check"]
        text = environ.get(variable)
        if not text:
            if field.default is dataclasses.MISSING:
                raise SettingError(f"{variable} must be set: {field.metadata['meaning']}")
            continue
        shown = "(hidden)" if field.metadata["secret"] else repr(text)
        value = _convert(variable, text, shown, hints[field.name])
        if check is not None and value is not None and (allowed := check(value)):
            raise SettingError(f"{variable} is {shown}: expected {allowed}")
        yield field.name, value


def _convert(variable: str, text: str, shown: str, hint: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        hint = next(option for option in get_args(hint) if option is not types.NoneType)
    if get_origin(hint) is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if hint is bool:
        if text not in ("0", "1"):
            raise SettingError(f"{variable} is {shown}: expected 0 or 1")
        return text == "1"
    try:
        return Path(text).expanduser() if hint is Path else text if get_origin(hint) is not None else hint(text)
    except ValueError:
        raise SettingError(f"{variable} is {shown}: expected {'a whole number' if hint is int else 'a number'}") from None


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "1" if value is True else "0" if value is False else "" if value is None else str(value)
