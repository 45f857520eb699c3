"""Sentences that name commands of bakery, with the commands as data.

A room below ``cli`` says which verb and which arguments. ``cli`` writes the command line with the global options
that the user gave (``--local``, ``-f FILE``): pasted as it is printed, it works on the same cluster.
"""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, init=False)
class Command:
    """One run of bakery: ``Command("destroy", "--node", name)``; ``str`` writes it without global options."""

    verb: str
    """With its subcommand, if it has one: "launch", "access refresh"."""
    arguments: tuple[str, ...]
    """Options and arguments of the verb, not quoted for a shell."""

    def __init__(self, verb: str, *arguments: str) -> None:
        object.__setattr__(self, "verb", verb)
        object.__setattr__(self, "arguments", arguments)

    def line(self, options: Iterable[str] = ()) -> str:
        """Return the command line, quoted for a shell, with ``options`` between the verb and its arguments."""
        return shlex.join(["bakery", *self.verb.split(), *options, *self.arguments])

    def __str__(self) -> str:
        return self.line()


@dataclass(frozen=True, init=False)
class Hint:
    """A sentence in parts, in order: ``Hint("remove it first: ", Command("destroy"))``.

    ``str`` writes its commands without global options.
    """

    parts: "tuple[Text, ...]"

    def __init__(self, *parts: "Text") -> None:
        object.__setattr__(self, "parts", parts)

    def __str__(self) -> str:
        return "".join(str(part) for part in self.parts)


Text: TypeAlias = str | Command | Hint
"""Text for users: a string, or data if it contains commands of bakery."""


def joined(separator: str, texts: Iterable[Text]) -> Hint:
    """Return the texts with ``separator`` between them."""
    parts: list[Text] = []
    for text in texts:
        parts += [separator, text] if parts else [text]
    return Hint(*parts)
