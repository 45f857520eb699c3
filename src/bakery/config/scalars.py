"""Read plain YAML scalars: JSON's numbers, YAML 1.2's booleans and null; all others are text.

PyYAML implements YAML 1.1, where ``no`` is false, ``0644`` is 420 and ``12:30:45`` is 45045. Here all three
are text (https://yaml.org/spec/1.2.2/#103-core-schema).
"""

import re

Scalar = str | int | float | bool | None

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,14})")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?([eE][-+]?[0-9]{1,2})?")
_WORDS: dict[str, bool | None] = {
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
}  # fmt: skip


def plain_scalar(text: str) -> Scalar:
    """Return the value of an unquoted scalar. A number of more than 15 digits stays text: no field accepts one."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
