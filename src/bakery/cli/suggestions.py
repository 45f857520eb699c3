"""Commands that bakery suggests work as they are printed: they carry the flags that this run was given."""

import re

from bakery.cli.verbs import SUMMARIES

_PLAIN = {"emulator", "completion"}
"""Verbs that know no cluster file."""
_VERBS = "|".join(
    ["emulator stand-in", "access refresh", *sorted(SUMMARIES.keys() - _PLAIN, key=len, reverse=True)]
)
_COMMAND = re.compile(rf"(?<![\w./-])bakery ({_VERBS})(?![\w-])")


def with_flags(text: str, flags: str) -> str:
    """``text`` with ``flags`` (" --local -f prod.yaml", or nothing) after every ``bakery VERB`` in it."""
    return _COMMAND.sub(lambda match: match[0] + flags, text) if flags else text
