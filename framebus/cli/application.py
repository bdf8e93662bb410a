"""How one command's typer application is made and run."""

import typer

from framebus.cli.failure import BAD_USAGE, FAILED, Failure
from framebus.client.errors import FramebusError, NoStackError


def application(help_text: str | None = None) -> typer.Typer:
    """Return an empty application: plain help at once, errors told by `framebus.cli.main`."""
    return typer.Typer(
        context_settings={"max_content_width": 100},
        help=help_text,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


def run(name: str, app: typer.Typer, words: list[str]) -> int:
    """Run one command and return its exit code; raise `Failure` for every end that was to be expected."""
    call = f"framebus {name}"
    try:
        result = app(words, prog_name=call, standalone_mode=False)
    except typer.Abort:
        raise Failure(call, "stopped: not confirmed") from None
    except typer.TyperException as error:
        raise Failure(call, _sentence(error), f"see `{call} --help`", error.exit_code) from None
    except NoStackError as error:
        raise Failure(call, error.title, error.detail) from None
    except FramebusError as error:
        raise Failure(call, str(error), _remedy(error), BAD_USAGE if error.status == 501 else FAILED) from None
    return result if isinstance(result, int) else 0


def _sentence(error: typer.TyperException) -> str:
    text = error.format_message().rstrip(".")
    return text[:1].lower() + text[1:]


def _remedy(error: FramebusError) -> str:
    if error.status in (401, 403):
        return "check the key: FRAMEBUS_API_KEY, or the one that `framebus up` printed"
    if error.status == 503:
        return "a part of the stack is not there yet, or away: `framebus status` shows which"
    return ""
