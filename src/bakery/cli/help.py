"""``bakery help VERB``: the same page as ``bakery VERB --help``."""

import click

from bakery.cli.invocation import invocation_of
from bakery.cli.options import common_options
from bakery.cli.read_only import read_only
from bakery.cli.values import guess


@click.command("help")
@click.argument("words", nargs=-1, metavar="[VERB]...")
@common_options
@read_only()
@click.pass_context
def help_(context: click.Context, words: tuple[str, ...]) -> None:
    """Show the help of a verb, or of bakery.

    \b
    Examples:
      bakery help launch
      bakery help emulator up
    """
    page = context.find_root()
    for word in words:
        page = _child(page, word)
    invocation_of(context).console.print(page.get_help())


def _child(context: click.Context, word: str) -> click.Context:
    """Return the context of a subcommand.

    Raises:
        UsageError: there is none of that name.
    """
    group = context.command
    found = group.get_command(context, word) if isinstance(group, click.Group) else None
    if found is None:
        known = group.list_commands(context) if isinstance(group, click.Group) else []
        message = f"{context.command_path} has no command {word!r}{guess(word, known)}"
        raise click.UsageError(message, context)
    return click.Context(found, info_name=word, parent=context)
