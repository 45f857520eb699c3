"""``--format`` and ``--no-header``: which columns of a table a script gets, as in doctl."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from bakery.cli.options import Settings, settings_of
from bakery.cli.values import guess
from bakery.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])


def spelling(header: str) -> str:
    """Return how ``--format`` names the column of that header: ``DaysLeft`` of ``DAYS LEFT``."""
    return "".join(word.capitalize() for word in header.split())


def column_options(header: Sequence[str]) -> Callable[[F], F]:
    """Give a command that prints a table ``--format`` and ``--no-header``; ``header`` has every possible column.

    The command prints nothing but that table to stdout where :attr:`Settings.columns` is set.
    """

    def decorate(function: F) -> F:
        @wraps(function)
        def check(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - a command's own
            _check_output(settings_of(click.get_current_context()))
            return function(*args, **kwargs)

        return _format_option(header)(_NO_HEADER(check))  # type: ignore[no-any-return]

    return decorate


def _format_option(header: Sequence[str]) -> Callable[[Any], Any]:
    known = {spelling(name).lower(): name for name in header}

    def keep(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
        if value is not None:
            settings_of(context).columns = tuple(_column(word, known, context) for word in value.split(","))

    def complete(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        before, comma, last = incomplete.rpartition(",")
        found = (spelling(name) for word, name in known.items() if word.startswith(last.lower()))
        return [CompletionItem(before + comma + name) for name in found]

    return click.option(
        "--format",
        metavar="COLUMNS",
        callback=keep,
        expose_value=False,
        shell_complete=complete,
        help=f"Print these columns only, with commas between them. Of: {', '.join(map(spelling, header))}.",
    )


def _column(word: str, known: dict[str, str], context: click.Context) -> str:
    wanted = "".join(letter for letter in word.lower() if letter.isalnum())
    if wanted not in known:
        names = [spelling(name) for name in known.values()]
        message = f"there is no column {word.strip()!r}{guess(spelling(word), names)}"
        raise click.UsageError(message, context)
    return known[wanted]


def _keep_no_header(context: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    settings_of(context).header = not value


_NO_HEADER = click.option(
    "--no-header",
    is_flag=True,
    callback=_keep_no_header,
    expose_value=False,
    help="Print tables without their first line.",
)


def _check_output(settings: Settings) -> None:
    """Check that the result is a table.

    Raises:
        UsageError: ``--format`` chooses columns, and ``-o`` wants a document or names.
    """
    if settings.json and settings.columns:
        message = f"--format chooses columns of a table, and -o {settings.output} prints no table"
        raise UsageError(message=message, hint="leave one of them out")
