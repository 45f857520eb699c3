"""A line of the cluster file in an error, without what may be a secret.

It works on the text, because the file may not be YAML, and its indentation may be the error.
"""

import re
from functools import lru_cache

_SECRET = re.compile(
    r"""([\w-]*(?:password|passwd|token|secret|credential)[\w-]*["']?\s*[:=]\s*)("[^"]*"|'[^']*'|[^,}]+)""",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"^[ \t]*#.*$", re.MULTILINE)
_MERGES = re.compile(r"""(?:^|[\s{,"'?])(?:nomad|consul)["']?[ \t]*(?::(?![ \t]*["']?\d)|$)""", re.MULTILINE)
"""A key ``nomad`` or ``consul`` whose value is not a version: a role merges it into an agent's configuration."""
_BEFORE_VALUE = re.compile(r"""\s*(?:-\s+)?(?:["']?[\w.-]+["']?\s*:(?=\s|$)\s?)?""")


def hide_secrets(line: str, text: str) -> str:
    """Return ``line`` of the cluster file ``text`` with ``***`` for secrets.

    If a role merges keys into Nomad's or Consul's configuration, all values are hidden: bakery does not know which
    of these keys hold a secret, and where they end if the file is not YAML. Otherwise those of keys with the name
    of a secret.
    """
    if not _merges_keys(text):
        return _SECRET.sub(r"\1***", line)
    start = _BEFORE_VALUE.match(line)
    shown = start.group() if start else ""
    return f"{shown}***" if line[len(shown) :].strip() else line


@lru_cache(maxsize=1)  # a file may have many errors
def _merges_keys(text: str) -> bool:
    return _MERGES.search(_COMMENT.sub("", text)) is not None
