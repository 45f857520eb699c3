"""How a condition is made of its faults, and how names that others chose are shown."""

from collections.abc import Sequence

from bakery.observe.model import Condition, ConditionState

_LONGEST = 80


def judged(name: str, faults: Sequence[str], good: str, *, help_text: str | None = None) -> Condition:
    """Met with the words ``good`` if there are no faults; ``help_text`` says what to do about them."""
    if faults:
        return Condition(name=name, state=ConditionState.MISSING, message="; ".join(faults), help=help_text)
    return Condition(name=name, state=ConditionState.OK, message=good)


def unknown(name: str, error: str) -> Condition:
    return Condition(name=name, state=ConditionState.UNKNOWN, message=f"cannot be asked: {error}")


def plain(text: str) -> str:
    """A name or an address that a machine gave itself: what a terminal would obey is taken out."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text)
    return shown[:_LONGEST] or "?"
