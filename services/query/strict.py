"""What bodies of requests have in common: a misspelt field is an error and never ignored, and whatever comes, errors are few.

Pydantic describes every error with a dict of its own, and the first alone is told: a list of a hundred thousand wrong numbers
would take as many.
"""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from services.query.problems import validation_problem

M = TypeVar("M", bound=BaseModel)


def few(most: int, given: Any) -> Any:
    """Refuse an object of more than `most` entries before the first of them is looked at, as `fail_fast` does for a list."""
    if isinstance(given, dict) and len(given) > most:
        raise PydanticCustomError("too_long", "at most {most} entries are taken", {"most": most})
    return given


Name = Annotated[str, Field(max_length=200)]
Labels = Annotated[dict[Name, Name], Field(max_length=64), BeforeValidator(partial(few, 64))]


class Strict(BaseModel):
    """A body without other fields than its own."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _few(cls, given: Any) -> Any:
        return few(len(cls.model_fields), given)


def parsed(body: type[M], fields: Mapping[str, Any]) -> M:
    """Return what decoded JSON asks for, or raise the problem that names the first field at fault."""
    try:
        return body.model_validate(fields)
    except ValidationError as error:
        raise validation_problem(error.errors(include_url=False, include_context=False)) from None
