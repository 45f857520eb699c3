"""Write JSON for people: as ``json.dumps`` with ``indent=1``, which Python does without its encoder in C."""

import json
from json.encoder import encode_basestring_ascii
from typing import Any


def indented(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return ``value`` as JSON, one entry a line, and a line break at the end."""
    return _write(value, "\n") + "\n"


def _write(value: Any, line: str) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    if isinstance(value, dict) and value:
        inner = line + " "
        entries = [f"{inner}{encode_basestring_ascii(key)}: {_write(part, inner)}" for key, part in value.items()]
        return "{" + ",".join(entries) + line + "}"
    if isinstance(value, list | tuple) and value:
        inner = line + " "
        return "[" + ",".join([inner + _write(entry, inner) for entry in value]) + line + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    # Numbers are most of what is left, and json.dumps takes ten times as long.
    return str(value) if isinstance(value, int) else json.dumps(value)
