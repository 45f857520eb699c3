"""The JSON Schemas of what bakery prints with ``--json``, written by hand in ``tests/schemas_cli``."""

import json
from pathlib import Path
from typing import Any

import jsonschema

FOLDER = Path(__file__).parents[1] / "schemas_cli"


def check_answer(value: Any, schema: str) -> None:  # noqa: ANN401 - any JSON value
    """Raises jsonschema.ValidationError if ``value`` is not what ``schema`` (a file's stem) allows."""
    document = json.loads((FOLDER / f"{schema}.json").read_text(encoding="utf-8"))
    checker = jsonschema.Draft202012Validator(
        document, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    checker.validate(value)
