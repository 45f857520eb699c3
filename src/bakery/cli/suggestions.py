"""Commands that bakery suggests work as they are printed: they carry the flags that this run was given."""

import re

from bakery.cli.verbs import SUMMARIES
from bakery.console import Console

_PLAIN = {"emulator", "completion"}
"""Verbs that know no cluster file."""
_VERBS = "|".join(
    ["emulator stand-in", "access refresh", *sorted(SUMMARIES.keys() - _PLAIN, key=len, reverse=True)]
)
_COMMAND = re.compile(rf"(?<![\w./-])bakery ({_VERBS})(?![\w-])")


def with_flags(text: str, flags: str) -> str:
    """``text`` with ``flags`` (" --local -f prod.yaml", or nothing) after every ``bakery VERB`` in it."""
    return _COMMAND.sub(lambda match: match[0] + flags, text) if flags else text


class SuggestingConsole(Console):
    """A console whose talk is such text."""

    def __init__(self, flags: str, *, quiet: bool, verbose: bool, no_color: bool) -> None:
        super().__init__(quiet=quiet, verbose=verbose, no_color=no_color)
        self._flags = flags

    def note(self, text: str) -> None:
        super().note(with_flags(text, self._flags))

    def answer(self, text: str) -> None:
        """Such text as data, on stdout."""
        self.data(with_flags(text, self._flags))

    def show(self, text: str) -> None:
        super().show(with_flags(text, self._flags))

    def warn(self, text: str) -> None:
        super().warn(with_flags(text, self._flags))
