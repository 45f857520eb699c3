"""Questions on the terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from bakery.errors import UsageError

DECLINED = "the answer was no; nothing was changed"


class QuestionInterrupted(click.Abort):
    """Ctrl-C or the end of the input instead of an answer."""


def has_terminal() -> bool:
    """Whether a question can be shown and answered."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def need_terminal(hint: str) -> None:
    """Check that a question can be asked; ``hint`` names the option that answers it instead.

    Raises:
        UsageError: stdin or stderr is not a terminal.
    """
    if not has_terminal():
        message = "this needs an answer, and stdin or stderr is not a terminal"
        raise UsageError(message=message, hint=hint)


def confirm(question: str) -> None:
    """Ask a yes-or-no question; the default is "no".

    Raises:
        UsageError: the answer is not "yes", or there is no terminal to ask on.
        QuestionInterrupted: there is no answer.
    """
    need_terminal("add --yes")
    with _asking():
        answer = click.confirm(question, err=True)
    if not answer:
        raise UsageError(message=DECLINED)


def ask(question: str) -> str:
    """Ask for one line of text; empty if none was given.

    Raises:
        QuestionInterrupted: there is no answer.
    """
    with _asking():
        answer: str = click.prompt(question, err=True, default="", show_default=False)
    return answer


def ask_new_password(question: str) -> str:
    """Ask for a password twice, without showing it.

    Raises:
        QuestionInterrupted: there is no answer.
    """
    with _asking():
        answer: str = click.prompt(question, hide_input=True, confirmation_prompt=True, err=True)
    return answer


@contextmanager
def _asking() -> Iterator[None]:
    try:
        yield
    except click.Abort:
        raise QuestionInterrupted from None
