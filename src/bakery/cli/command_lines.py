"""Write suggested commands with the global options that the user gave."""

from collections.abc import Sequence

from bakery.hints import Command, Hint, Text

_KNOW_A_CLUSTER = ("emulator stand-in",)
_KNOW_NO_CLUSTER = ("emulator", "demo", "tour", "completion")
"""Verbs that read no cluster file and call no API of DigitalOcean."""
_OWN_F = ("logs",)
"""Verbs after which ``-f`` is another option than ``--cluster-file``."""


def spell(text: Text, options: Sequence[str]) -> str:
    """Return ``text`` with its commands written out; ``options`` is like ``("--local", "-f", "prod.yaml")``."""
    if isinstance(text, Command):
        return text.line(_options_for(text, options))
    if isinstance(text, Hint):
        return "".join(spell(part, options) for part in text.parts)
    return text


def _options_for(command: Command, options: Sequence[str]) -> Sequence[str]:
    if command.verb.split()[0] in _KNOW_NO_CLUSTER and command.verb not in _KNOW_A_CLUSTER:
        return ()
    if command.verb in _OWN_F:
        options = ["--cluster-file" if option == "-f" else option for option in options]
    return [option for option in options if option not in command.arguments]
