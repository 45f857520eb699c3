"""Types of options and arguments, with error messages in bakery's own style."""

from collections.abc import Sequence
from typing import Any

import click


def guess(word: str, known: Sequence[str]) -> str:
    """Return ``; did you mean healthy?`` if a known word is similar to ``word``, else an empty string."""
    from difflib import get_close_matches

    near = get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def once(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> str | None:
    """Refuse a second value of an option that takes one: without ``multiple`` click would ignore the first."""
    if len(values) > 1:
        given = f"{parameter.opts[-1]} was given more than once ({', '.join(values)})"
        message = f"{given}: run this once for each"
        raise click.UsageError(message, context)
    return values[0] if values else None


class Choice(click.Choice):  # type: ignore[type-arg] # not generic before click 8.2
    """One of a few words; the error for a mistyped one names the most similar."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - click's signature
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            words = [str(choice) for choice in self.choices]
            self.fail(f"{value!r} is not {_either(words)}{guess(str(value), words)}", param, ctx)

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None = None) -> str:  # noqa: ARG002 - click's signature
        return f"Give {_either([str(choice) for choice in self.choices])}"


class WholeNumber(click.IntRange):
    """A whole number in a range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - click's signature
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            least = "" if self.min is None else f" from {self.min:g}"
            most = "" if self.max is None else f" to {self.max:g}"
            self.fail(f"{value!r} is not a whole number{least}{most}", param, ctx)


def _either(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
