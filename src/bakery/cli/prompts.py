"""Questions on the terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import click

from bakery.errors import UsageError
from bakery.hints import Text

T = TypeVar("T")
DECLINED = "the answer was no; nothing was changed"


class QuestionInterrupted(click.Abort):
    """Ctrl-C or the end of the input instead of an answer."""


def has_terminal() -> bool:
    """Whether a question can be shown and answered."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def need_terminal(hint: Text) -> None:
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


def ask_passphrase(file: Path) -> str | None:
    """Ask for the passphrase of ``file``, without showing it; None if there is no terminal to ask on.

    Raises:
        QuestionInterrupted: there is no answer.
    """
    if not has_terminal():
        return None
    with _asking():
        answer: str = click.prompt(f"passphrase of {file}", hide_input=True, err=True)
    return answer


def ask_until_valid(question: str, default: str, parse: Callable[[str], T]) -> T:
    """Ask until ``parse`` returns a value; its error is printed. Enter answers with ``default``.

    Raises:
        QuestionInterrupted: there is no answer.
    """
    while True:
        with _asking():
            answer: str = click.prompt(question, err=True, default=default)
        try:
            return parse(answer.strip())
        except UsageError as error:
            click.echo(f"{error.message}; {error.hint}" if error.hint else error.message, err=True)


def ask_new_password(question: str) -> str:
    """Ask for a password twice, without showing it.

    Raises:
        QuestionInterrupted: there is no answer.
    """
    with _asking():
        while True:
            first: str = click.prompt(question, hide_input=True, err=True)
            if first == click.prompt("repeat for confirmation", hide_input=True, err=True):
                return first
            click.echo("the two passwords differ; type both again", err=True)


@contextmanager
def _asking() -> Iterator[None]:
    try:
        yield
    except click.Abort:
        raise QuestionInterrupted from None
