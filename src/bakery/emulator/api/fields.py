"""Reads typed fields of a request's JSON body or query; the errors have DigitalOcean's wording."""

from collections.abc import Mapping
from typing import Any, TypeGuard

from bakery.emulator.account.errors import Unprocessable

Body = Mapping[str, Any]

MAX_DIGITS = 18


def text(body: Body, name: str) -> str:
    """Return a string that must be present and not empty."""
    value = optional_text(body, name)
    if not value:
        message = f"{name} can't be blank"
        raise Unprocessable(message)
    return value


def optional_text(body: Body, name: str) -> str | None:
    """Return a string that UTF-8 can encode; None if it is missing or null."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not is_unicode(value):
        message = f"{name} must be a string"
        raise Unprocessable(message)
    return value


def boolean(body: Body, name: str, *, default: bool = False) -> bool:
    """Return a boolean; ``default`` if it is missing or null."""
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        message = f"{name} must be a boolean"
        raise Unprocessable(message)
    return value


def texts(body: Body, name: str) -> list[str]:
    """Return a list of strings; empty if it is missing or null."""
    values = _list(body, name)
    if not all(isinstance(value, str) and is_unicode(value) for value in values):
        message = f"{name} must be a list of strings"
        raise Unprocessable(message)
    return values


def integers(body: Body, name: str) -> list[int]:
    """Return a list of integers; empty if it is missing or null."""
    values = _list(body, name)
    if not all(_is_integer(value) for value in values):
        message = f"{name} must be a list of integers"
        raise Unprocessable(message)
    return values


def mixed(body: Body, name: str) -> list[int | str]:
    """Return a list of integers and strings; empty if it is missing or null."""
    values = _list(body, name)
    if not all(_is_integer(value) or isinstance(value, str) for value in values):
        message = f"{name} must be a list of integers and strings"
        raise Unprocessable(message)
    return values


def objects(body: Body, name: str) -> list[Body]:
    """Return a list of JSON objects; empty if it is missing or null."""
    values = _list(body, name)
    if not all(isinstance(value, dict) for value in values):
        message = f"{name} must be a list of objects"
        raise Unprocessable(message)
    return values


def number(value: str) -> int | None:
    """Return a decimal number of a path or query; None if it is not a number, or too long for an id."""
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


def is_unicode(value: str) -> bool:
    """Return False for text with half of a surrogate pair, which JSON can contain and UTF-8 cannot."""
    return not any("\ud800" <= character <= "\udfff" for character in value)
