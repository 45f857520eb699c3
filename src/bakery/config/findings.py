"""Findings: errors in fields, before their places in the file are looked up."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from bakery.hidden import hide_forms

FieldPath = tuple[str | int, ...]
"""Keys and list positions from the top of the file: ``("roles", "gpu", "count")``."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """An error in one field."""

    path: FieldPath
    message: str
    hint: str | None = None
    at_key: bool = False
    """Whether the error is in the key, not in its value."""
    hides: bool = False
    """Whether the value may be a secret, so that the error quotes the line up to its first value only."""
    breaks: bool = True
    """Whether the value is unusable, so that findings of later checks on it are dropped."""


def dotted(path: FieldPath) -> str:
    """Return a field's name for messages: ``roles.gpu.count``, ``access.admin_cidrs[0]``.

    Line ends and other unprintable characters of a key are escaped, so that a message stays on one line. Tokens,
    and users and passwords of URLs, are hidden.
    """
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            shown = hide_forms(step)
            key = shown if shown.isprintable() else shown.encode("unicode_escape").decode()
            text += f".{key}" if text else key
    return text


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name closest to ``name``; None if none is close."""
    found = difflib.get_close_matches(name[:64], list(known), n=1)
    return found[0] if found else None


def name_hint(name: str, known: Iterable[str]) -> str:
    """Return ``did you mean …?`` if a known name is close, else the list of known names."""
    names = list(known)
    guess = nearest(name, names)
    return f"did you mean {guess}?" if guess else f"known names: {', '.join(names)}"


def quoted(text: str) -> str:
    """Return ``text`` in double quotes, cut to 40 characters and to one line, without what has a token's form."""
    hidden = hide_forms(text)
    shown = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in hidden)
    return f'"{shown[:40]}…"' if len(shown) > 40 else f'"{shown}"'


def unbroken(findings: Iterable[Finding], before: Iterable[Finding]) -> list[Finding]:
    """Return the findings whose field, or a field around it, is not already wrong in ``before``."""
    broken = {
        finding.path[:length] for finding in before if finding.breaks for length in range(len(finding.path) + 1)
    }
    return [finding for finding in findings if finding.path not in broken]
