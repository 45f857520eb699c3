"""A line of the cluster file in an error, without what may be a secret.

It works on the text, because the file may not be YAML, and its indentation may be the error.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from bakery.hidden import HIDDEN, hide_forms

_NAME = r"""(?<![\w-])(?!ssh_keys\b)[\w-]*(?:pass|pasw|pwd|token|secret|credential|auth|key|bearer|_env)[\w-]*"""
_SECRET = re.compile(rf"""{_NAME}["']?\s*(?:[:=]\s*|$)""", re.IGNORECASE)
"""A key that is called like a secret, in front of its value or at the end of a line."""
LONGEST_LINE = 2048
"""Characters of a line that are searched for secrets, so that a search is quick. Fewer are shown."""
_COMMENT = re.compile(r"^[ \t]*#.*$", re.MULTILINE)
_MERGES = re.compile(
    r"""(?:^|[\s{,"'?])(?:nomad|consul)["']?[ \t]*"""
    r"""(?::(?![ \t]*["']?\d+\.[\d.]+["']?[ \t]*(?:[,}#\r\n]|\Z))|$)""",
    re.MULTILINE,
)
"""A key ``nomad`` or ``consul`` whose value is not a version: a role merges it into an agent's configuration."""
_KEY = re.compile(r"""\s*(?:-\s+)?["']?[\w.-]+["']?\s*:(?=\s|$)\s?""")
_BEFORE_VALUE = re.compile(rf"{_KEY.pattern}|\s*(?:-\s+)?")


def hide_secrets(line: str, text: str, *, hides: bool = False) -> str:
    """Return ``line`` of the cluster file ``text`` with ``***`` for secrets.

    If a role merges keys into Nomad's or Consul's configuration, all values are hidden: bakery does not know which
    of these keys hold a secret. ``hides`` does the same. In other lines ``***`` is in place of all that follows a
    key that is called like a secret, of tokens, and of users and passwords of URLs.
    """
    if hides or _merges_keys(text):
        return _without_value(line)
    found = _SECRET.search(line)
    return hide_forms(line if found is None or found.end() == len(line) else f"{line[: found.end()]}{HIDDEN}")


def after_secrets(lines: Sequence[str]) -> frozenset[int]:
    """Return the positions of lines without a key whose last key above is called like a secret.

    They may be its value, or a part of it.
    """
    found: set[int] = set()
    is_secret = False
    for position, line in enumerate(each[:LONGEST_LINE] for each in lines):
        if _KEY.match(line):
            is_secret = _SECRET.search(line) is not None
        elif is_secret:
            found.add(position)
        elif not _COMMENT.match(line):
            is_secret = _SECRET.search(line) is not None
    return frozenset(found)


def is_called_like_a_secret(key: str) -> bool:
    """Return whether the name of a key has one of the words for secrets, such as ``password`` or ``auth``."""
    return re.fullmatch(_NAME, key, re.IGNORECASE) is not None


def _without_value(line: str) -> str:
    """Return the line up to its first value."""
    start = _BEFORE_VALUE.match(line)
    shown = start.group() if start else ""
    return f"{hide_forms(shown)}{HIDDEN}" if line[len(shown) :].strip() else line


@lru_cache(maxsize=1)  # a file may have many errors
def _merges_keys(text: str) -> bool:
    return _MERGES.search(_COMMENT.sub("", text)) is not None
