"""Reading typed fields out of a request's JSON body or query; what does not fit is refused as the API does."""

from collections.abc import Mapping
from typing import Any, TypeGuard

from bakery.emulator.account.errors import Unprocessable

Body = Mapping[str, Any]

MAX_DIGITS = 18


def text(body: Body, name: str) -> str:
    """A string that must be there and not be empty."""
    value = optional_text(body, name)
    if not value:
        message = f"{name} can't be blank"
        raise Unprocessable(message)
    return value


def optional_text(body: Body, name: str) -> str | None:
    """A string that can be written down in UTF-8; None if absent or null."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not _is_unicode(value):
        message = f"{name} must be a string"
        raise Unprocessable(message)
    return value


def integer(body: Body, name: str) -> int:
    value = body.get(name)
    if not _is_integer(value):
        message = f"{name} must be an integer"
        raise Unprocessable(message)
    return value


def boolean(body: Body, name: str, *, default: bool = False) -> bool:
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        message = f"{name} must be a boolean"
        raise Unprocessable(message)
    return value


def texts(body: Body, name: str) -> list[str]:
    """A list of strings; empty if absent or null."""
    values = _list(body, name)
    if not all(isinstance(value, str) and _is_unicode(value) for value in values):
        message = f"{name} must be a list of strings"
        raise Unprocessable(message)
    return values


def integers(body: Body, name: str) -> list[int]:
    """A list of integers; empty if absent or null."""
    values = _list(body, name)
    if not all(_is_integer(value) for value in values):
        message = f"{name} must be a list of integers"
        raise Unprocessable(message)
    return values


def mixed(body: Body, name: str) -> list[int | str]:
    """A list of integers and strings; empty if absent or null."""
    values = _list(body, name)
    if not all(_is_integer(value) or isinstance(value, str) for value in values):
        message = f"{name} must be a list of integers and strings"
        raise Unprocessable(message)
    return values


def objects(body: Body, name: str) -> list[Body]:
    """A list of JSON objects; empty if absent or null."""
    values = _list(body, name)
    if not all(isinstance(value, dict) for value in values):
        message = f"{name} must be a list of objects"
        raise Unprocessable(message)
    return values


def number(value: str) -> int | None:
    """A decimal number from a path or query; None if it is none, or too long to be an id."""
    return int(value) if value.isascii() and value.isdecimal() and len(value) <= MAX_DIGITS else None


def _list(body: Body, name: str) -> list[Any]:
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        message = f"{name} must be a list"
        raise Unprocessable(message)
    return value


def _is_integer(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**MAX_DIGITS


def _is_unicode(value: str) -> bool:
    """JSON can spell half of a surrogate pair, which is no character."""
    return not any("\ud800" <= character <= "\udfff" for character in value)
