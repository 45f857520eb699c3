"""``bakery nomad``: the nomad program of the cluster's version, against a server that answers."""

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
def nomad(context: click.Context, arguments: tuple[str, ...], person: str | None, other_cloud: bool) -> None:  # noqa: FBT001 - a click flag
    """Run nomad against the cluster, with the operator's certificate.

    Commands for jobs and servers run with the management token. All others run with the token of bakery env, which
    expires: Nomad passes the token on to clients that it asks, for logs, files, exec, signals and statistics. For
    operator api it is the management token if one path of the servers is asked for, without -H and -verbose.
    Commands that start another program (var lock, a browser with -ui, git for a job's URL) run with the token of
    bakery env too.

    Everything after bakery's own options belongs to nomad, options included:

    \b
      bakery nomad job run web.nomad.hcl
      bakery nomad alloc logs -f 4f1c

    The program has the cluster's version. It gets the variables of bakery env, with a server that answers; your
    shell gets none of them. Its exit code is bakery's.

    \b
    Examples:
      bakery nomad node status
      bakery nomad job run web.nomad.hcl
    """
    run_program(invocation_of(context), "Nomad", arguments, person=person, other_cloud=other_cloud)
