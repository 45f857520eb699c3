"""The rules of docs/style.md that a machine can check: banned words, and docstrings of public names.

Words: in every docstring, comment, help text, message and hint of src/bakery, in the files of the image, in
scripts, the demo and the pages. Docstrings: ruff's D checks modules, classes, functions and their form
(pyproject.toml); here is the rest, the methods.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "bakery"

BANNED: dict[str, str] = {
    r"such(?! as\b)": "name the noun",
    r"(?:no|some|any|every)body": 'name the noun ("no member", "a client"), or say "one"',
    r"who(?:m|ever|mever)|whatever|whichever|wherever": "name the noun",
    r"things?": "name the noun",
    r"of (?:which|whom|ours|theirs|yours)": 'turn the clause round ("whose name is …"); "our", "the user\'s"',
    r"goes|went": "say what happens: is deleted, is sent, has ended",
    r"stands?(?![ -](?:in|alone)\b)|stood": "say is, contains or means",
    r"lies|lain": "say is",
    r"tells|told|hears?|heard": "say prints, returns, reports, is called with",
    r"in vain": "say without success, or until the time-out",
    r"(?<!there )(?<!There )(?:is|are) (?:no (?!longer\b|more\b)[a-z-]+|(?-i:none))": 'write "is not a …"',
    r"ail(?:s|ing)?|spoil(?:s|t)?|mishaps?|dice|twins?|keepers?": "the vocabulary of docs/style.md has a word",
    r"refusals?|absent|brief": "the vocabulary of docs/style.md has a word",
    r"himself|herself": "write itself, or name the person's role",
}
"""Words by regular expression, whole words in any case, and what to write instead."""

ALLOWED: dict[str, str] = {
    '"nobody" is 65534': "a user's name",
    'as "nobody", uid 65534': "the same",
    '"absent" if there is no droplet': "the value in the JSON of status, which does not change",
}
"""Phrases with a banned word that are right, and the reason."""

TEXT_FOLDERS = ("packer", "cloud-init", "systemd-units", "scripts", "demo", "docs")
NOT_PROSE = {
    "docs/style.md": "it quotes bad sentences",
    "docs/reliability.md": "generated from tests/sweep/reliability.md.in and measurements",
}

MODULES = sorted(SOURCE.rglob("*.py"))
TREES = {file: ast.parse(file.read_text(encoding="utf-8")) for file in MODULES}
TEXTS = [
    *(ROOT / name for name in ("Makefile", "README.md", "CONTRIBUTING.md", "tests/e2e.sh", "tests/run.sh")),
    *(file for name in TEXT_FOLDERS for file in sorted((ROOT / name).rglob("*"))),
]


def _prose(source: str) -> Iterator[tuple[int, str]]:
    """Yield each docstring, other string and comment of a module with its line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip():
            yield node.lineno, node.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


PATTERNS = {
    re.compile(rf"(?<![\w-])(?:{word})(?![\w-])", re.IGNORECASE): advice for word, advice in BANNED.items()
}


def _banned_words(text: str) -> list[str]:
    """Return each banned word in the text with what to write instead; ``code`` in backticks is not prose."""
    text = re.sub(r"`+[^`]*`+", "", text)
    for phrase in ALLOWED:
        text = text.replace(phrase, "")
    return [f"{found[0]!r}: {advice}" for pattern, advice in PATTERNS.items() for found in pattern.finditer(text)]


def _findings(name: str, prose: Iterator[tuple[int, str]]) -> list[str]:
    return [f"{name}:{line}: {found}" for line, text in prose for found in _banned_words(text)]


def test_the_source_is_in_plain_english() -> None:
    found = []
    for file in MODULES:
        found += _findings(str(file.relative_to(ROOT)), _prose(file.read_text(encoding="utf-8")))
    assert found == []


def test_scripts_units_templates_and_pages_are_in_plain_english() -> None:
    found = []
    for file in TEXTS:
        name = str(file.relative_to(ROOT))
        if file.is_file() and file.suffix != ".png" and name not in NOT_PROSE and "__pycache__" not in file.parts:
            lines = enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
            found += _findings(name, iter(lines))
    assert found == []


@pytest.mark.parametrize(
    "planted",
    [
        '"""A folder of ours, of which nobody has heard."""\n',
        "x = 1  # whoever comes first\n",
        'error = f"{x} is no address"\n',
        'hint = "one such file, which goes"\n',
        'class A:\n    x: int\n    """Where the thing stands."""\n',
    ],
)
def test_a_planted_sentence_is_found(planted: str) -> None:
    """The control: in a docstring, a comment, an f-string, a string and a field's docstring."""
    assert _findings("planted.py", _prose(planted))


@pytest.mark.parametrize(
    "plain",
    [
        "a slug such as fra1",
        "there is no leader",
        "the token is no longer valid",
        "bakery emulator stand-in",
        "the answer is no, or there is no terminal",
        "the hint is None",
        "a stand-alone server",
        "nothing listens there",
    ],
)
def test_plain_sentences_pass(plain: str) -> None:
    assert _banned_words(plain) == []


CLASSES = [node for module in TREES.values() for node in ast.walk(module) if isinstance(node, ast.ClassDef)]
PORTS = [port for port in CLASSES if any(ast.unparse(base).startswith("Protocol") for base in port.bases)]


def _documented(owner: ast.ClassDef) -> set[str]:
    return {node.name for node in owner.body if isinstance(node, ast.FunctionDef) and ast.get_docstring(node)}


DOCUMENTED = {owner.name: _documented(owner) for owner in CLASSES}
PORT_METHODS = {name for port in PORTS for name in _documented(port)}
"""Methods whose promise is in the docstring of a port: an implementation need not repeat it."""


def _inherited(owner: ast.ClassDef) -> set[str]:
    """Return the documented methods of the classes that ``owner`` extends: it need not repeat them either."""
    return {name for base in owner.bases for name in DOCUMENTED.get(ast.unparse(base), ())}


NAMES_THAT_SUFFICE = {
    "all", "find", "get", "remove", "exists", "clear",  # methods of a store: the table of names in docs/style.md
    # click's
    "convert", "get_missing_message", "list_commands", "get_command", "resolve_command", "format_commands",
}  # fmt: skip


def _undocumented(tree: ast.Module) -> Iterator[str]:
    """Yield each public method without a docstring whose name and signature do not suffice.

    They suffice for a property, which is a noun like a field, for a predicate (``is_``, ``has_``), for a method of
    a documented port or base class, and for NAMES_THAT_SUFFICE. Ruff looks at public classes and functions.
    """
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    for owner in classes:
        for method in owner.body:
            if not isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) or ast.get_docstring(method):
                continue
            is_property = any("property" in ast.unparse(decorator) for decorator in method.decorator_list)
            suffices = PORT_METHODS | NAMES_THAT_SUFFICE | _inherited(owner)
            is_plain = method.name.startswith(("_", "is_", "has_")) or method.name in suffices
            if not is_property and not is_plain:
                yield f"{owner.name}.{method.name}"


def test_public_methods_say_what_they_promise() -> None:
    undocumented = {str(file.relative_to(ROOT)): list(_undocumented(tree)) for file, tree in TREES.items()}
    assert {file: methods for file, methods in undocumented.items() if methods} == {}


def test_a_method_without_docstring_is_found() -> None:
    """The control."""
    tree = ast.parse(
        "class A:\n    @property\n    def b(self): ...\n    def is_c(self): ...\n    def d(self): ...\n"
    )
    assert list(_undocumented(tree)) == ["A.d"]
