"""Read YAML strictly: one document, text keys without duplicates, no anchors, aliases or tags."""

from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import ReaderError

from bakery.config.document import Document, Place, PlacedFinding, Value
from bakery.config.findings import FieldPath, Finding, dotted, quoted
from bakery.config.scalars import Scalar, plain_scalar
from bakery.errors import Problem

MAX_DEPTH = 16

_ALIAS, _ANCHOR, _TAG = "alias", "anchor", "tag"
_REFUSED = {
    _ALIAS: ("refers to another value by an alias (*)", "write the value itself"),
    _ANCHOR: ("has an anchor (&)", "write the value where it is needed"),
    _TAG: ("has a YAML tag (!)", "write the plain value; put text in quotes"),
}
_IN_PLAIN_WORDS = {
    "but found another document": ("a second document starts here", "a cluster file is one document"),
    "mapping values are not allowed here": (
        "there is a colon where no key can be",
        "put text that holds a colon in quotes, and check the indentation of the lines above",
    ),
    "found character '\\t' that cannot start any token": ("a tab indents this line", "indent with spaces"),
    "could not find expected ':'": ("a colon is missing after a key", None),
}


_ENDS = (
    "found unexpected end of stream",
    "expected ',' or '}', but got '<stream end>'",
    "expected ',' or ']', but got '<stream end>'",
    "expected ',' or '}', but got ']'",
    "expected ',' or ']', but got '}'",
)
"""What PyYAML reports if brackets or quotes are not closed."""
_CLOSING = {"{": "}", "[": "]"}


class DocumentSyntaxError(Exception):
    """The text is not YAML that bakery reads. Parsing stopped at ``problem``."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def read_document(text: str) -> Document:
    """Parse ``text``, and record the place of every value.

    Raises:
        DocumentSyntaxError: the text is not YAML, is nested too deeply, or has more than one document.
    """
    document = Document(text=text)
    try:
        node = _compose(document)
    except ReaderError as error:
        raise DocumentSyntaxError(_character_problem(document, error)) from error
    except yaml.MarkedYAMLError as error:
        raise DocumentSyntaxError(_yaml_problem(document, error)) from error
    except (ValueError, OverflowError) as error:  # "\UFFFFFFFF" in quotes: chr() refuses it inside the scanner
        place = document.place_at(len(text))
        message = "an escape in quotes names a character that does not exist"
        raise DocumentSyntaxError(document.problem(place, message)) from error
    if node is not None:
        document.root = _build(document, node, (), _place(node))
    return document


def _compose(document: Document) -> Node | None:
    loader = _Loader(document)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


class _Loader(yaml.BaseLoader):
    """PyYAML's composer, which reports anchors, aliases and tags instead of using them, and limits the depth."""

    def __init__(self, document: Document) -> None:
        super().__init__(document.text)
        self._document = document
        self._depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if self._depth >= MAX_DEPTH:
            place = _place(event)
            message = f"nested more than {MAX_DEPTH} levels deep"
            raise DocumentSyntaxError(self._document.problem(place, message))
        if isinstance(event, yaml.AliasEvent):
            self.get_event()  # type: ignore[no-untyped-call]
            return ScalarNode(_ALIAS, event.anchor, event.start_mark, event.end_mark)  # type: ignore[arg-type]
        refused = _ANCHOR if event.anchor is not None else _TAG if event.tag is not None else None
        event.anchor = event.tag = None
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        if node is not None and refused is not None:
            node.tag = refused
        return node


def _build(document: Document, node: Node, path: FieldPath, key_place: Place) -> Value:
    place = _place(node)
    if node.tag in _REFUSED:
        what, hint = _REFUSED[node.tag]
        _report(document, place, path, f"{dotted(path) or 'the file'} {what}", hint)
        if node.tag == _ALIAS:
            return Value(data="", place=place, key_place=key_place)
    if isinstance(node, MappingNode):
        return Value(data=_mapping(document, node, path), place=place, key_place=key_place)
    if isinstance(node, SequenceNode):
        items = [_build(document, item, (*path, index), _place(item)) for index, item in enumerate(node.value)]
        return Value(data=items, place=place, key_place=key_place)
    return Value(data=_scalar(node), text=str(node.value), place=place, key_place=key_place)


def _scalar(node: Node) -> Scalar:
    plain = isinstance(node, ScalarNode) and node.style is None
    return plain_scalar(str(node.value)) if plain else str(node.value)


def _mapping(document: Document, node: MappingNode, path: FieldPath) -> dict[str, Value]:
    found: dict[str, Value] = {}
    seen: dict[str, Place] = {}
    for key_node, value_node in node.value:
        key = _key(document, key_node, path)
        if key is None:
            continue
        place = _place(key_node)
        if key in seen:
            message = f"{dotted((*path, key))} is given twice; the first is in line {seen[key].line}"
            _report(document, place, (*path, key), message, "keep one of them")
            continue
        seen[key] = place
        found[key] = _build(document, value_node, (*path, key), place)
    return found


def _key(document: Document, node: Node, path: FieldPath) -> str | None:
    """Return the key's text; report a finding and return None if the key is not text."""
    where = f" in {dotted(path)}" if path else ""
    if node.tag in _REFUSED:
        what, _ = _REFUSED[node.tag]
        _report(document, _place(node), path, f"a key{where} {what}", "write the key itself")
    elif not isinstance(node, ScalarNode):
        _report(document, _place(node), path, f"a key{where} is not text", 'a line reads "key: value"')
    elif not isinstance(_scalar(node), str):
        message = f"the key {quoted(node.value)}{where} is not text"
        _report(document, _place(node), path, message, f'if it is meant, put it in quotes: "{node.value[:40]}"')
    else:
        return str(node.value)
    return None


def _report(document: Document, place: Place, path: FieldPath, message: str, hint: str) -> None:
    document.findings.append(PlacedFinding(place=place, finding=Finding(path=path, message=message, hint=hint)))


def _place(marked: Node | yaml.Event) -> Place:
    mark: Any = marked.start_mark  # the parser always sets a mark; only the stubs say Optional
    return Place(line=mark.line + 1, column=mark.column + 1)


def _character_problem(document: Document, error: ReaderError) -> Problem:
    place = document.place_at(error.position)
    message = f"the character U+{int(error.character):04X} is not allowed in YAML"
    return document.problem(place, message, "remove it; a cluster file is plain text in UTF-8")


def _never_closed(document: Document, opened: yaml.Mark) -> Problem:
    """Return the problem of a bracket or a quote that the text does not close, at the place that opens it."""
    place = Place(line=opened.line + 1, column=opened.column + 1)
    mark = document.text[opened.index : opened.index + 1]
    closing = _CLOSING.get(mark, mark)
    return document.problem(place, f"the {mark} here is never closed", f"close it with {closing}")


def _yaml_problem(document: Document, error: yaml.MarkedYAMLError) -> Problem:
    if error.context_mark is not None and error.problem in _ENDS:
        return _never_closed(document, error.context_mark)
    mark = error.problem_mark or error.context_mark
    place = Place(line=mark.line + 1, column=mark.column + 1) if mark else document.place_at(0)
    said = str(error.problem or error.context or "cannot be read").splitlines()[0]
    message, hint = _IN_PLAIN_WORDS.get(said, (f"not valid YAML: {said[:120]}", None))
    return document.problem(place, message, hint)
