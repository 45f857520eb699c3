"""A line of the cluster file in an error, without what may be a secret.

It works on the text, because the file may not be YAML: the error is then about that.
"""

import re
from collections.abc import Sequence

# The keys of bakery's own that end so name a variable or a file.
_SECRET = re.compile(
    r"""((?![\w-]*_(?:env|file)\b)[\w-]*(?:password|passwd|token|secret)[\w-]*["']?\s*[:=]\s*)"""
    r"""("[^"]*"|'[^']*'|[^,}]+)""",
    re.IGNORECASE,
)
_MERGED = re.compile(r"""(\b(?:nomad|consul)["']?\s*:\s*)[^\s#].*""")
"""A key whose value is merged into the configuration of an agent, with the value on the same line."""
_KEY = re.compile(r"""\s*(?:-\s+)?["']?([\w-]+)["']?\s*:(?:\s|$)""")
_BEFORE_VALUE = re.compile(r"""\s*(?:-\s+)?(?:["']?[\w.-]+["']?\s*:(?=\s|$)\s?)?""")


def without_secrets(line: str, before: Sequence[str]) -> str:
    """Return ``line`` with ``***`` for secrets; ``before`` are the lines above it.

    Hidden are the values of keys that are called like a secret, and each value in a role's ``nomad`` and
    ``consul``: bakery does not know which of the products' keys hold one.
    """
    above = _keys_above(line, before)
    if "roles" in above and {"nomad", "consul"} & set(above):
        start = _BEFORE_VALUE.match(line)
        return f"{start.group()}***" if start and line[start.end() :].strip() else line
    if "roles" in above or re.match(r"\s*roles\b", line):
        line = _MERGED.sub(r"\1***", line)
    return _SECRET.sub(r"\1***", line)


def _keys_above(line: str, before: Sequence[str]) -> list[str]:
    """Return the keys that the line is below by its indentation, the innermost first."""
    keys, indent = [], _indent(line)
    for earlier in reversed(before):
        key = _KEY.match(earlier)
        if earlier.strip() and _indent(earlier) < indent:
            indent = _indent(earlier)
            if key:
                keys.append(key.group(1))
    return keys


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
