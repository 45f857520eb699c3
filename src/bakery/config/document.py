"""The parsed cluster file: values with their line and column."""

import re
from dataclasses import dataclass, field
from functools import cached_property

from bakery.config.findings import FieldPath, Finding
from bakery.config.quoted_line import LONGEST_LINE, after_secrets, hide_secrets
from bakery.config.scalars import Scalar
from bakery.errors import Problem

LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""The line breaks that PyYAML counts (yaml.reader.Reader.forward)."""
MAX_SHOWN_COLUMN = 240


@dataclass(frozen=True, kw_only=True, order=True)
class Place:
    """A line and a column, both counted from 1."""

    line: int
    column: int


START = Place(line=1, column=1)


@dataclass(frozen=True, kw_only=True)
class Value:
    """A scalar, a list or a mapping, and its place in the file."""

    data: "Scalar | list[Value] | dict[str, Value]"
    text: str = ""
    """A scalar as written, without its quotes."""
    place: Place
    key_place: Place
    """The place of the value's key; equal to ``place`` in a list and at the top."""

    def child(self, step: str | int) -> "Value | None":
        """Return the value under a key or a list position; None if there is none."""
        if isinstance(self.data, dict) and isinstance(step, str):
            return self.data.get(step)
        if isinstance(self.data, list) and isinstance(step, int) and step < len(self.data):
            return self.data[step]
        return None

    def plain(self) -> object:
        """Return the value as plain dicts, lists and scalars."""
        if isinstance(self.data, dict):
            return {key: value.plain() for key, value in self.data.items()}
        if isinstance(self.data, list):
            return [value.plain() for value in self.data]
        return self.data


@dataclass(frozen=True, kw_only=True)
class PlacedFinding:
    """A finding of the YAML reader, with its exact place: a path cannot name the second of two equal keys."""

    place: Place
    finding: Finding


@dataclass(kw_only=True)
class Document:
    """The text of the file, and what was read from it."""

    text: str
    root: Value | None = None
    """None if the file is empty."""
    findings: list[PlacedFinding] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lines = LINE_BREAK.split(self.text)

    def find(self, path: FieldPath) -> Value | None:
        """Return the value at ``path``; None if there is none."""
        value = self.root
        for step in path:
            value = value.child(step) if value is not None else None
        return value

    def place_of(self, finding: Finding) -> Place:
        """Return the place of the finding's field. A missing field has the place of its mapping's key."""
        path = finding.path
        value = self.find(path)
        if value is not None:
            return value.key_place if finding.at_key else value.place
        while path and value is None:
            path = path[:-1]
            value = self.find(path)
        return value.key_place if value is not None else START

    def place_at(self, offset: int) -> Place:
        """Return the place of the character at ``offset``."""
        before = LINE_BREAK.split(self.text[:offset])
        return Place(line=len(before), column=len(before[-1]) + 1)

    def problem(self, place: Place, message: str, hint: str | None = None, *, hides: bool = False) -> Problem:
        """Return a :class:`Problem` that quotes the line at ``place``; ``hides``: up to its first value."""
        source = self._source(place, hides=hides)
        return Problem(line=place.line, column=place.column, message=message, hint=hint, source=source)

    def _source(self, place: Place, *, hides: bool) -> str:
        if place.line > len(self._lines) or place.column > MAX_SHOWN_COLUMN:
            return ""
        line = self._lines[place.line - 1][:LONGEST_LINE]
        shown = (
            character if character.isprintable() or character == "\t" else "\N{REPLACEMENT CHARACTER}"
            for character in line
        )
        # The error may be in the log of a pipeline.
        hides = hides or place.line - 1 in self._after_secrets
        return hide_secrets("".join(shown), self.text, hides=hides)[: MAX_SHOWN_COLUMN + 40].rstrip()

    @cached_property
    def _after_secrets(self) -> frozenset[int]:
        return after_secrets(self._lines)
