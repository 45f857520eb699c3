"""No module spells a command line of bakery: it names verb and arguments, and the CLI writes them (bakery.hints).

A command in a plain string would lose the options that the user gave, and mean another cluster when it is pasted.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bakery.cli.verbs import SUMMARIES

SOURCE = Path(__file__).parents[2] / "src" / "bakery"
SPELLED = re.compile(rf"(?<![\w./-])bakery (-\S+ )*({'|'.join(SUMMARIES)})(?![\w-])")
EXCEPTIONS = {"config/template.py"}
"""The comments of the cluster file that ``init`` writes: whoever reads them later gave no options."""


def spelled(source: str) -> Iterator[str]:
    """Yield every string in ``source`` that holds a command line; docstrings, and so help texts, are left out."""
    nodes = list(ast.walk(ast.parse(source)))
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield from [node.value] if SPELLED.search(node.value) else []


def test_no_module_spells_a_command() -> None:
    sources = {str(file.relative_to(SOURCE)): file.read_text(encoding="utf-8") for file in SOURCE.rglob("*.py")}
    found = {name: list(spelled(text)) for name, text in sources.items() if name not in EXCEPTIONS}
    assert {name: texts for name, texts in found.items() if texts} == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('raise UsageError(message=text, hint="bakery launch")', ["bakery launch"]),
        ('say(f"{name} is gone; try bakery destroy --node {name}")', [" is gone; try bakery destroy --node "]),
        ("hint = 'run `bakery build-image` again'", ["run `bakery build-image` again"]),
        ("hint = 'bakery --local launch'", ["bakery --local launch"]),
        ('def f():\n    """Such as ``bakery status`` shows."""\n    return "another bakery works on it"', []),
        ('Hint("first: ", Command("launch"))', []),
        ('path = "/opt/bakery launch"', []),
    ],
)
def test_a_spelled_command_is_found(source: str, found: list[str]) -> None:
    """The control: the search finds commands in strings and in f-strings, and nothing else."""
    assert list(spelled(source)) == found
