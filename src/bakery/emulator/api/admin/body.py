"""Checks the bodies of requests below ``/_emulator/``, whose errors need no wording of DigitalOcean's."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from bakery.emulator.account.errors import Unprocessable
from bakery.emulator.api import fields


def _check_unicode(text: str) -> str:
    if not fields.is_unicode(text):
        message = "input should be a valid string"
        raise ValueError(message)
    return text


Text = Annotated[str, AfterValidator(_check_unicode)]
"""A string that UTF-8 can encode."""


class Body(BaseModel):
    """A request's body. Types are not converted, so that ``true`` is not a number; null means the default."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)


B = TypeVar("B", bound=Body)


def parse(kind: type[B], body: Mapping[str, Any]) -> B:
    """Return the body as ``kind``. Raises Unprocessable that names every wrong field."""
    try:
        return kind.model_validate({name: value for name, value in body.items() if value is not None})
    except ValidationError as error:
        raise Unprocessable("; ".join(_problem(each["loc"], each["msg"]) for each in error.errors())) from None


def _problem(place: tuple[int | str, ...], text: str) -> str:
    """Write pydantic's message as the API's errors are written: with the field's name, in lower case."""
    text = text.removeprefix("Value error, ")
    return ": ".join([*(str(part) for part in place), text[:1].lower() + text[1:]])
