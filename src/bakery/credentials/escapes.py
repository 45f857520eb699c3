"""Read a text without the escapes that programs write, and find the places in the text again."""

import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product

LAYERS = 2
"""Layers of escapes that are read, such as JSON in JSON."""
LONGEST_ESCAPE = 16
"""Characters: ``\\xf0\\x9f\\x98\\x80`` is one character of four bytes."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A text without some of its escapes, or the text as it is.

    Parts of the text without an escape may be missing in it: they are in the reading before it.
    """

    text: str
    _before: "Reading | None" = None
    _places: "array[int]" = field(default_factory=lambda: array("Q"))
    """Where the characters are that were escapes, in order."""
    _ends: "array[int]" = field(default_factory=lambda: array("Q"))
    """Where these escapes end in the reading before this one."""

    def origin(self, place: int) -> int:
        """Return the place in the original text. A place is the number of characters before it."""
        number = bisect_left(self._places, place)
        if number:  # what is between two escapes has the same length in both texts
            place += self._ends[number - 1] - (self._places[number - 1] + 1)
        return place if self._before is None else self._before.origin(place)


@dataclass(frozen=True, kw_only=True)
class _Form:
    """A form of escapes. Each match of ``pattern`` is one character, which ``read`` returns."""

    pattern: re.Pattern[str]
    read: Callable[[str], str]


def readings(text: str, reach: int) -> Iterator[Reading]:
    """Yield ``text`` as it is, and without each form of escapes; then without the escapes that are in these.

    The forms are the escapes of URLs (``+`` stays), those of JSON, Python and Go, and that of the agents' logs.
    A reading has at least ``reach`` characters on each side of every escape, as far as the text has them.
    """
    layer = [Reading(text=text)]
    yield from layer
    known = {text}
    for _ in range(LAYERS):
        outer, layer = layer, []
        for before, form in product(outer, _FORMS):
            reading = _without_escapes(before, form, reach)
            if reading.text not in known:
                known.add(reading.text)
                layer.append(reading)
                yield reading


def _without_escapes(before: Reading, form: _Form, reach: int) -> Reading:
    pieces: list[str] = []
    places, ends = array("Q"), array("Q")
    length = done = 0
    for start, end, written in _replacements(before, form, reach):
        pieces += (before.text[done:start], written)
        length += start - done + len(written)
        places.append(length - 1)
        ends.append(end)
        done = end
    pieces.append(before.text[done:])
    return Reading(text="".join(pieces), _before=before, _places=places, _ends=ends)


def _replacements(before: Reading, form: _Form, reach: int) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and character of each escape; and each part far from escapes, with a mark in its place."""
    done = -reach
    for found in form.pattern.finditer(before.text):
        start, end = found.span()
        if start - done > 2 * reach:
            yield _left_out(before, done + reach, start - reach)
        yield start, end, form.read(found[0])
        done = end
    if 0 < done < len(before.text) - reach:
        yield _left_out(before, done + reach, len(before.text))


def _left_out(before: Reading, start: int, end: int) -> tuple[int, int, str]:
    # The number makes readings of different parts of the text different. No variable holds a NUL.
    return start, end, f"\0{before.origin(start)}\0"


_HEX = "[0-9A-Fa-f]"


def _of_bytes(prefix: str) -> str:
    """Return the pattern of one character in UTF-8, each byte in hex behind ``prefix``; else of one byte."""
    more = f"{prefix}[89ABab]{_HEX}"
    several = f"{prefix}[CDcd]{_HEX}{more}|{prefix}[Ee]{_HEX}{more}{more}|{prefix}[Ff][0-7]{more}{more}{more}"
    return f"{several}|{prefix}{_HEX}{{2}}"


def _character(code: str) -> str:
    """Return the character of bytes in hex; a single byte is a character of Latin-1."""
    content = bytes.fromhex(code)
    text = chr(content[0]) if len(content) == 1 else content.decode(errors="replace")
    return text if len(text) == 1 else "\N{REPLACEMENT CHARACTER}"


@lru_cache(maxsize=1024)
def _of_url(escape: str) -> str:
    return _character(escape.replace("%", ""))


_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


@lru_cache(maxsize=1024)
def _of_code(escape: str) -> str:
    kind = escape[1]
    if kind == "x":
        return _character(escape.replace("\\x", ""))
    if kind == "U":
        return chr(int(escape[2:], 16))
    if kind == "u":
        return bytes.fromhex(escape.replace("\\u", "")).decode("utf-16-be", errors="surrogatepass")
    return _LETTERS.get(kind, kind)


_CODES = (
    _of_bytes(r"\\x"),
    rf"\\u[Dd][89ABab]{_HEX}{{2}}\\u[Dd][C-Fc-f]{_HEX}{{2}}",  # two surrogates are one character
    rf"\\u{_HEX}{{4}}",
    rf"\\U00(?:0{_HEX}|10){_HEX}{{4}}",
    r"\\[abfnrtv\"'/\\]",
)
_FORMS = (
    _Form(pattern=re.compile(_of_bytes("%")), read=_of_url),
    _Form(pattern=re.compile("|".join(_CODES)), read=_of_code),
    # hclog, intlogger.go, writeEscapedForOutput: the value of a field has \" for ", and a backslash as it is.
    _Form(pattern=re.compile(r'\\"'), read=lambda _: '"'),
)
