"""``bakery validate``: list every problem of the cluster file, offline."""

import click

from bakery.cli.options import common_options
from bakery.cli.session import session_of


@click.command()
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the cluster file instead.")
@common_options
@click.pass_context
def validate(context: click.Context, schema: bool) -> None:  # noqa: FBT001 - a click flag
    """Check the cluster file offline, and list all its problems with file, line and column.

    What it merges into the agents' configuration is checked by the consul and nomad of this machine.
    """
    session = session_of(context)
    if schema:
        from bakery.config.schema import json_schema

        session.console.print_json(json_schema())
        return
    from bakery.operations.check_agents import check_agents

    config = session.config
    check_agents(session, session.plan())
    if session.settings.json:
        session.console.print_json({"cluster": config.cluster, "valid": True, "warnings": list(config.warnings)})
    else:
        session.console.note(f"{config.path}: valid")
