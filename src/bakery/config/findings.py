"""What a check says about a field, before it has a place in the file."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

FieldPath = tuple[str | int, ...]
"""Keys and list positions from the top of the file: ``("roles", "gpu", "count")``."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing wrong with a field."""

    path: FieldPath
    message: str
    hint: str | None = None
    at_key: bool = False
    """The place is the key's, not its value's."""
    breaks: bool = True
    """The field's value cannot be trusted, so checks that rest on it keep quiet."""


def dotted(path: FieldPath) -> str:
    """``roles.gpu.count``, ``access.admin_cidrs[0]``: how a field is named to people."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that ``name`` was probably meant to be."""
    found = difflib.get_close_matches(name[:64], list(known), n=1)
    return found[0] if found else None


def name_hint(name: str, known: Iterable[str]) -> str:
    """``did you mean …?`` if a known name is near, else all of them."""
    names = list(known)
    guess = nearest(name, names)
    return f"did you mean {guess}?" if guess else f"known here: {', '.join(names)}"


def quoted(text: str) -> str:
    """``text`` in double quotes, cut so that a message stays one line."""
    shown = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
    return f'"{shown[:40]}…"' if len(shown) > 40 else f'"{shown}"'


def unbroken(findings: Iterable[Finding], before: Iterable[Finding]) -> list[Finding]:
    """The findings that do not rest on a field that ``before`` found to be wrong, in whole or in part."""
    broken = {
        finding.path[:length] for finding in before if finding.breaks for length in range(len(finding.path) + 1)
    }
    return [finding for finding in findings if finding.path not in broken]
