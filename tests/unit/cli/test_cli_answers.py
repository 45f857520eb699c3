"""Each answer has a published schema with a version, and names for ``-o name``."""

import ast
import json
from pathlib import Path

import jsonschema
import pytest

from bakery.cli.answers import NAMES, names_of

ROOT = Path(__file__).parents[3]
SCHEMAS = sorted((ROOT / "docs" / "schemas").glob("*.json"))
WITHOUT_NAMES = {
    "bootstrap", "build-image-dry-run", "dashboard", "emulator-impair", "emulator-requests",
    "emulator-requests-set", "error",
}  # fmt: skip


def _printed() -> set[str]:
    """The schemas that a verb names: the second argument of ``print_answer``."""
    found = set()
    for file in (ROOT / "src" / "bakery" / "cli").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if called and node.func.id == "print_answer" and isinstance(node.args[1], ast.Constant):  # type: ignore[attr-defined]
                found.add(str(node.args[1].value))  # type: ignore[attr-defined]
    return found


def test_every_answer_has_a_schema_and_every_schema_an_answer() -> None:
    assert {file.stem for file in SCHEMAS} == _printed() | {"error", "dashboard"}, "the last is of its page"


@pytest.mark.parametrize("file", SCHEMAS, ids=lambda file: file.stem)
def test_a_schema_is_one_and_asks_for_its_name_and_version(file: Path) -> None:
    schema = json.loads(file.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["properties"]["schema"] == {"const": file.stem}
    assert isinstance(schema["properties"]["schema_version"]["const"], int)
    assert {"schema", "schema_version"} <= set(schema["required"])


def test_every_answer_has_names_or_says_that_it_has_none() -> None:
    assert {file.stem for file in SCHEMAS} == set(NAMES) | WITHOUT_NAMES
    for file in SCHEMAS:
        key = NAMES.get(file.stem)
        assert key is None or key in json.loads(file.read_text(encoding="utf-8"))["properties"], file.stem


@pytest.mark.parametrize(
    ("schema", "document", "names"),
    [
        ("status", {"nodes": [{"name": "a"}, {"name": "b"}]}, ("a", "b")),
        ("destroy", {"droplets": ["a"]}, ("a",)),
        ("emulator-faults", {"faults": [{"id": 3}]}, ("3",)),
        ("init", {"file": "bakery.yaml"}, ("bakery.yaml",)),
        ("bootstrap", {"tokens_written": 3}, ()),
    ],
)
def test_names_are_those_of_the_documents_own_list(
    schema: str, document: dict[str, object], names: tuple[str]
) -> None:
    assert names_of(schema, document) == names
