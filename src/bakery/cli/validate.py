"""``bakery validate``: list every problem of the cluster file, offline."""

import json

import click

from bakery.cli.answers import print_answer
from bakery.cli.invocation import invocation_of
from bakery.cli.options import common_options
from bakery.cli.read_only import read_only


@click.command()
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the cluster file instead.")
@common_options
@read_only()
@click.pass_context
def validate(context: click.Context, schema: bool) -> None:  # noqa: FBT001 - a click flag
    """Check the cluster file offline, and list all its problems with file, line and column.

    What it merges into the agents' configuration is checked by the consul and nomad of this machine.

    \b
    Examples:
      bakery validate
      bakery validate --schema > bakery.schema.json
    """
    invocation = invocation_of(context)
    if schema:
        from bakery.config.schema import json_schema

        invocation.console.print(json.dumps(json_schema(), indent=2, sort_keys=True))
        return
    from bakery.config.load import shown
    from bakery.operations.check_agents import check_agents

    config = invocation.config
    check_agents(invocation, invocation.plan())
    if invocation.settings.json:
        value = {"cluster": config.cluster, "valid": True, "warnings": list(config.warnings)}
        print_answer(invocation.settings, "validate", value)
    else:
        invocation.console.note(f"{shown(config.path)}: valid")
