"""Commands that change nothing: after a signal there is nothing to continue, and they do not say that there is."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from bakery.cli import signals
from bakery.cli.options import settings_of

F = TypeVar("F", bound=Callable[..., Any])


def read_only(unless: str = "") -> Callable[[F], F]:
    """Mark a command that changes nothing; ``unless`` is the flag with which it does."""

    def decorate(function: F) -> F:
        @wraps(function)
        def mark(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - a command's own
            if not kwargs.get(unless):
                nothing_changes()
            return function(*args, **kwargs)

        return mark  # type: ignore[return-value]

    return decorate


def nothing_changes() -> None:
    """Say so of the running command, from now on."""
    settings_of(click.get_current_context()).changes_nothing = True
    signals.offer_to_continue(False)  # noqa: FBT003 - its only argument
