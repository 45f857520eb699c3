"""How errors look; the texts are written by hand from the shape in docs: error, place, caret, help."""

import json

import pytest

from bakery.cli.error_format import as_json, as_text
from bakery.console import Console
from bakery.errors import BakeryError, CloudError, CommandError, ConfigError, LockedError, Problem

PLAIN = Console(no_color=True)
TWO_PROBLEMS = ConfigError(
    message="bakery.yaml has 2 problems",
    file="bakery.yaml",
    problems=(
        Problem(line=3, column=2, message="unknown key", hint="did you mean count?", source="\tcuont: 1"),
        Problem(line=12, column=1, message="missing", source=""),
    ),
)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (BakeryError(message="it broke"), "error: it broke"),
        (
            LockedError(message="in use", details="process 7\nsince noon", hint="wait"),
            "error: in use\n  process 7\n  since noon\nhelp: wait",
        ),
        (
            CommandError(message="packer failed", command="packer build x", returncode=1),
            "error: packer failed\n  command: packer build x",
        ),
        (
            TWO_PROBLEMS,
            "error: unknown key\n"
            " --> bakery.yaml:3:2\n"
            "3 | \tcuont: 1\n"
            "  | \t^\n"
            "  = help: did you mean count?\n"
            "\n"
            "error: missing\n"
            "  --> bakery.yaml:12:1\n"
            "\n"
            "error: bakery.yaml has 2 problems",
        ),
    ],
)
def test_as_text(error: BakeryError, expected: str) -> None:
    assert as_text(error, PLAIN) == expected


def test_as_json_has_the_same_keys_for_every_error() -> None:
    assert json.loads(as_json(CloudError(message="refused", details="no room", hint="later", status=422), 4)) == {
        "schema": "error",
        "schema_version": 1,
        "code": 4,
        "error": "CloudError",
        "message": "refused",
        "details": "no room",
        "hint": "later",
    }


def test_as_json_of_a_file_lists_every_place() -> None:
    value = json.loads(as_json(TWO_PROBLEMS, 2))
    assert value["file"] == "bakery.yaml"
    assert value["problems"] == [
        {"line": 3, "column": 2, "message": "unknown key", "hint": "did you mean count?"},
        {"line": 12, "column": 1, "message": "missing", "hint": None},
    ]
