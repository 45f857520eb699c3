"""Plain scalars against the tables of YAML 1.2's core schema and of JSON."""

import pytest

from bakery.config.scalars import plain_scalar

# Words: https://yaml.org/spec/1.2.2/#103-core-schema; numbers: https://www.rfc-editor.org/rfc/rfc8259#section-6
MEANING = [
    ("true", True), ("True", True), ("TRUE", True), ("false", False), ("tRUE", "tRUE"),
    ("null", None), ("~", None), ("", None), ("nUll", "nUll"),
    ("0", 0), ("-1", -1), ("42", 42), ("1.5", 1.5), ("-0.5", -0.5), ("1e3", 1000.0), ("1E+3", 1000.0),
    # YAML 1.1 takes these for something else.
    ("no", "no"), ("yes", "yes"), ("on", "on"), ("off", "off"), ("y", "y"), ("0644", "0644"), ("0o644", "0o644"),
    ("0x1F", "0x1F"), ("12:30:45", "12:30:45"), ("1_000", "1_000"), ("+1", "+1"), (".5", ".5"), ("1.", "1."),
    (".inf", ".inf"), (".nan", ".nan"), ("2026-11-24", "2026-11-24"), ("1e999", "1e999"), ("=", "="), ("<<", "<<"),
    ("9" * 15, 999999999999999), ("9" * 16, "9" * 16), ("9" * 5000, "9" * 5000),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), MEANING)
def test_a_plain_scalar_means(text: str, value: object) -> None:
    found = plain_scalar(text)
    assert (type(found), found) == (type(value), value)
