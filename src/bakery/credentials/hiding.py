"""Find secrets in a text, in each form in which programs write them, and cut them out."""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bakery.credentials.escapes import LONGEST_ESCAPE, Reading, readings

SHORTEST = 4
"""Characters. A shorter password is not searched for: it may be in any text."""
_BASE64 = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")
_URL_SAFE = str.maketrans("+/", "-_")
"""RFC 4648, section 5."""


@dataclass(frozen=True, kw_only=True)
class _Needle:
    """A text to search for; ``padding`` may follow it."""

    text: str
    padding: str = ""


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return ``text`` with ``***`` in place of every secret of at least ``SHORTEST`` characters.

    A secret is found as it is and in base64 (also base64url, with and without padding), and both with the escapes
    that :mod:`bakery.credentials.escapes` reads: each character may be escaped or not. ``+`` counts as a space.
    """
    needles = {needle for secret in secrets if len(secret) >= SHORTEST for needle in _needles(secret)}
    if not needles:
        return text
    reach = LONGEST_ESCAPE * max(len(needle.text) for needle in needles)
    found = (span for reading in readings(text, reach) for span in _spans(reading, needles))
    return _without(text, sorted(found))


def _needles(secret: str) -> Iterator[_Needle]:
    # A variable that is not UTF-8 has surrogates, which UTF-8 refuses otherwise.
    yield from _in_base64(b64encode(secret.encode(errors="surrogatepass")).decode())
    if _BASE64.fullmatch(secret):
        yield from _in_base64(secret)
    else:
        yield _Needle(text=_plus_as_space(secret))


def _in_base64(encoded: str) -> Iterator[_Needle]:
    bare = encoded.rstrip("=")
    for text in (_plus_as_space(bare), bare.translate(_URL_SAFE)):
        yield _Needle(text=text, padding=encoded[len(bare) :])


def _spans(reading: Reading, needles: Iterable[_Needle]) -> Iterator[tuple[int, int]]:
    """Yield start and end in the original text of each needle that the reading has."""
    text = _plus_as_space(reading.text)
    for needle in needles:
        start = text.find(needle.text)
        while start >= 0:
            end = start + len(needle.text)
            end += len(needle.padding) if text.startswith(needle.padding, end) else 0
            yield reading.origin(start), reading.origin(end)
            start = text.find(needle.text, end)


def _plus_as_space(text: str) -> str:
    return text.replace("+", " ")  # forms in URLs have "+" for a space


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    """Return the text with ``***`` in place of each span; spans that overlap are one. They are in order."""
    pieces: list[str] = []
    done = 0
    for start, end in spans:
        if start >= done:
            pieces += (text[done:start], "***")
        done = max(done, end)
    return "".join((*pieces, text[done:]))
