"""Make a condition from its faults, and print names that members chose."""

from collections.abc import Sequence

from bakery.observe.model import Condition, ConditionState

_LONGEST = 80


def judged(name: str, faults: Sequence[str], good: str, *, help_text: str | None = None) -> Condition:
    """Return a condition that is met, with the message ``good``, if there are no faults.

    ``help_text`` is what to do about faults.
    """
    if faults:
        return Condition(name=name, state=ConditionState.MISSING, message="; ".join(faults), help=help_text)
    return Condition(name=name, state=ConditionState.OK, message=good)


def unknown(name: str, error: str) -> Condition:
    """Return a condition whose state is unknown because a query failed with ``error``."""
    return Condition(name=name, state=ConditionState.UNKNOWN, message=f"not known: {error}")


def plain(text: str) -> str:
    """Return a name or address that a member chose, cut to 80 characters and without control characters."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text)
    return shown[:_LONGEST] or "?"
