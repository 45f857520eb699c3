"""``bakery completion``: the completion script of a shell."""

import click
from click.shell_completion import get_completion_class

from bakery.cli.options import common_options
from bakery.cli.session import session_of
from bakery.cli.values import Choice
from bakery.errors import UsageError


@click.command()
@click.argument("shell", type=Choice(["bash", "zsh", "fish"]))
@common_options
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a completion script for the shell: eval "$(bakery completion bash)"."""
    found = get_completion_class(shell)
    if found is None:
        message = f"no completion for {shell}"
        raise UsageError(message=message)
    script = found(context.find_root().command, {}, "bakery", "_BAKERY_COMPLETE").source()
    session = session_of(context)
    if session.settings.json:
        session.console.print_json({"shell": shell, "script": script})
    else:
        session.console.print(script)
