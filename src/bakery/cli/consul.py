"""``bakery consul``: the consul program of the cluster's version, against a server that answers."""

import click

from bakery.cli.invocation import invocation_of
from bakery.cli.options import common_options
from bakery.cli.person import as_option
from bakery.cli.program import ProgramCommand, program_arguments, run_program
from bakery.cli.read_only import read_only
from bakery.cli.where import other_cloud_option


@click.command(cls=ProgramCommand, options_metavar="[OPTIONS OF BAKERY]")
@program_arguments
@as_option
@other_cloud_option
@common_options
@read_only()
@click.pass_context
def consul(context: click.Context, arguments: tuple[str, ...], person: str | None, other_cloud: bool) -> None:  # noqa: FBT001 - a click flag
    """Run consul against the cluster, with the operator's certificate and the management token.

    connect, lock, watch and agent, which start other programs, and all with -http-addr or -grpc-addr run with the
    token of bakery env, which expires.

    Everything after bakery's own options belongs to consul, options included:

    \b
      bakery consul members
      bakery consul kv get -recurse apps/

    The program has the cluster's version. It gets the variables of bakery env --management, with a server that
    answers; your shell gets none of them. Its exit code is bakery's.

    \b
    Example:
      bakery consul members
    """
    run_program(invocation_of(context), "Consul", arguments, person=person, other_cloud=other_cloud)
