"""``bakery completion``: the completion script of a shell."""

import click
from click.shell_completion import get_completion_class

from bakery.cli.answers import print_answer
from bakery.cli.invocation import invocation_of
from bakery.cli.options import common_options
from bakery.cli.read_only import read_only
from bakery.cli.values import Choice
from bakery.errors import UsageError


@click.command()
@click.argument("shell", type=Choice(["bash", "zsh", "fish"]))
@common_options
@read_only()
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a completion script for the shell: eval "$(bakery completion bash)".

    \b
    Examples:
      eval "$(bakery completion bash)"
      bakery completion fish | source
    """
    found = get_completion_class(shell)
    if found is None:
        message = f"no completion for {shell}"
        raise UsageError(message=message)
    script = found(context.find_root().command, {}, "bakery", "_BAKERY_COMPLETE").source()
    # Click's script for fish cuts each text at its first comma.
    script = script.replace('string split ","', 'string split --max 1 ","')
    invocation = invocation_of(context)
    if invocation.settings.json:
        print_answer(invocation.settings, "completion", {"shell": shell, "script": script})
    else:
        invocation.console.print(script)
