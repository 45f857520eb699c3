"""The JSON Schemas of what bakery prints, which users have in ``docs/schemas``."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"


@lru_cache
def _checker(schema: str) -> jsonschema.Draft202012Validator:
    document = json.loads((FOLDER / f"{schema}.json").read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(document, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


def check_answer(value: dict[str, Any], schema: str) -> None:
    """Raises jsonschema.ValidationError if ``value`` is not what ``schema`` (a file's stem) allows.

    ``value`` may come without the name and version of its schema, as from :func:`read_answer`.
    """
    _checker(schema).validate({"schema": schema, "schema_version": 1} | value)


def read_answer(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return the document without the name and version of its schema, to which it was checked."""
    value = json.loads(text)
    if isinstance(value, dict) and "schema" in value:
        _checker(value["schema"]).validate(value)
        return {key: item for key, item in value.items() if key not in ("schema", "schema_version")}
    return value
