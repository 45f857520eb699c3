"""``bakery bootstrap``: the ACLs of a cluster whose nodes were created from rendered user-data."""

import click

from bakery.cli.answers import print_answer
from bakery.cli.invocation import invocation_of
from bakery.cli.options import common_options
from bakery.cli.recorder import recorded
from bakery.cli.values import WholeNumber
from bakery.cli.where import other_cloud_option
from bakery.console import counted
from bakery.errors import RenderError, UsageError


@click.command()
@click.option(
    "--server",
    "servers",
    multiple=True,
    metavar="ADDR",
    help="Address of a server (default: the cluster's servers, from DigitalOcean's API). Repeatable.",
)
@click.option(
    "--deadline",
    type=WholeNumber(1),
    metavar="SECONDS",
    default=300,
    show_default=True,
    help="How long to wait in each step.",
)
@other_cloud_option
@common_options
@recorded
@click.pass_context
def bootstrap(
    context: click.Context,
    servers: tuple[str, ...],
    deadline: int,
    other_cloud: bool,  # noqa: FBT001 - a click flag
) -> None:
    """Bootstrap the ACLs of Consul and Nomad, and create the tokens that rendered user-data contains.

    Needed only for nodes that were created from files of bakery render, on this machine; launch does it itself.
    Safe to repeat.

    \b
    Example:
      bakery bootstrap --server 203.0.113.10
    """
    from bakery.operations.credentials import load_credentials
    from bakery.operations.form_cluster import bootstrap_by_hand
    from bakery.operations.place import check_place

    invocation = invocation_of(context)
    plan = invocation.plan()
    bundle = load_credentials(invocation)
    if servers:
        _check_addresses(servers)
    else:
        check_place(invocation, insists=other_cloud)
    outcome = bootstrap_by_hand(invocation, plan, bundle, servers, seconds=deadline)
    if outcome.changed:
        invocation.console.change()
    if invocation.settings.json:
        print_answer(
            invocation.settings,
            "bootstrap",
            {
                "policies_written": outcome.policies_written,
                "tokens_written": outcome.tokens_written,
                "identity_written": outcome.identity_written,
                "roles_removed": list(outcome.roles_removed),
            },
        )
    invocation.console.note(
        f"done: {counted(outcome.policies_written, 'policy', 'policies')},"
        f" {counted(outcome.tokens_written, 'token')} and"
        f" {counted(outcome.identity_written, 'setting')} of workload identity written"
        if outcome.changed
        else "done: all policies and tokens exist already"
    )


def _check_addresses(servers: tuple[str, ...]) -> None:
    """Refuse an invalid address at once, instead of asking it until the deadline."""
    from bakery.render.addresses import checked_join

    for server in servers:
        try:
            checked_join([server])
        except RenderError as error:
            message = f"--server {server} is not an address"
            raise UsageError(message=message, hint="an IPv4 address or a DNS name, without a port") from error
