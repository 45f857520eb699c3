"""``bakery access``: the networks that may reach the cluster's APIs from outside the VPC."""

from collections.abc import Callable, Sequence
from ipaddress import ip_network

import click

from bakery.cli.admin_cidrs import admin_cidr_option, admin_cidrs, check_network
from bakery.cli.answers import print_answer
from bakery.cli.invocation import Invocation, invocation_of
from bakery.cli.options import common_options
from bakery.cli.recorder import recorded
from bakery.cli.where import cloud_line, other_cloud_option
from bakery.errors import UsageError

dry_run_option = click.option("--dry-run", is_flag=True, help="Show what would change, and exit.")


@click.group()
@common_options
def access() -> None:
    """Change which networks may reach the APIs and web UIs from outside the VPC.

    \b
    Examples:
      bakery access refresh
      bakery access add 203.0.113.7/32
    """


@access.command(short_help="Put your current address into the cluster's firewalls.")
@admin_cidr_option
@dry_run_option
@other_cloud_option
@common_options
@recorded
@click.pass_context
def refresh(
    context: click.Context,
    cidrs: tuple[str, ...],
    dry_run: bool,  # noqa: FBT001 - a click flag
    other_cloud: bool,  # noqa: FBT001 - a click flag
) -> None:
    """Put access.admin_cidrs into the cluster's firewalls, with your current address in place of auto.

    \b
    Example:
      bakery access refresh --dry-run
    """
    invocation = _checked(context, other_cloud=other_cloud)
    _apply(invocation, admin_cidrs(invocation, cidrs), dry_run=dry_run)


@access.command(short_help="Let one more network reach the APIs.")
@click.argument("network", metavar="CIDR")
@dry_run_option
@other_cloud_option
@common_options
@recorded
@click.pass_context
def add(context: click.Context, network: str, dry_run: bool, other_cloud: bool) -> None:  # noqa: FBT001 - click flags
    """Add a network, such as 203.0.113.7/32, to access.admin_cidrs of the cluster file and to the firewalls.

    \b
    Example:
      bakery access add 203.0.113.7/32
    """
    invocation = _checked(context, other_cloud=other_cloud)
    check_network(network, "CIDR")
    before = invocation.config.access.admin_cidrs
    _change(invocation, before if network in before else (*before, network), dry_run=dry_run)


@access.command(short_help="Take a network's access back.")
@click.argument("network", metavar="CIDR")
@dry_run_option
@other_cloud_option
@common_options
@recorded
@click.pass_context
def remove(context: click.Context, network: str, dry_run: bool, other_cloud: bool) -> None:  # noqa: FBT001 - click flags
    """Remove a network from access.admin_cidrs of the cluster file and from the firewalls.

    \b
    Example:
      bakery access remove 203.0.113.7/32
    """
    invocation = _checked(context, other_cloud=other_cloud)
    before = invocation.config.access.admin_cidrs
    if network not in before:
        message = f"{network} is not in access.admin_cidrs"
        raise UsageError(message=message, hint=f"networks of {invocation.config.path}: {', '.join(before)}")
    if before == (network,):
        message = f"{network} is the only network in access.admin_cidrs: without it the cluster cannot be reached"
        raise UsageError(message=message, hint="add another one first")
    after = tuple(each for each in before if each != network)
    _warn_if_shut_out(invocation, after)
    _change(invocation, after, dry_run=dry_run)


def _warn_if_shut_out(invocation: Invocation, entries: tuple[str, ...]) -> None:
    """Warn if the operator's own address would no longer reach the APIs. Where it is not known, say nothing."""
    if "auto" in entries:
        return
    try:
        (own,) = admin_cidrs(invocation, ("auto",))
    except UsageError:
        return
    networks = [ip_network(each) for each in entries]
    address = ip_network(own).network_address
    if not any(address in network for network in networks):
        warning = f"{own}, your own address, is in none of the networks that remain: from here bakery, consul and"
        invocation.console.warn(f"{warning} nomad will no longer reach the cluster")


def _checked(context: click.Context, *, other_cloud: bool) -> Invocation:
    from bakery.operations.place import check_place

    invocation = invocation_of(context)
    _ = invocation.cloud  # a missing token is reported first
    check_place(invocation, insists=other_cloud)
    return invocation


def _change(invocation: Invocation, entries: tuple[str, ...], *, dry_run: bool) -> None:
    """Write ``entries`` into the cluster file, once the user has approved the change, and into the firewalls."""
    from bakery.config.load import read_text
    from bakery.config.save import save_networks, with_networks

    path = invocation.config.path
    with_networks(read_text(path), path, entries)  # a file that cannot be changed is found before the question

    def save() -> None:
        if save_networks(path, entries):
            invocation.console.note(f"wrote access.admin_cidrs: [{', '.join(entries)}] into {path}")

    _apply(invocation, admin_cidrs(invocation, entries), dry_run=dry_run, approved=save)


def _apply(
    invocation: Invocation, networks: Sequence[str], *, dry_run: bool, approved: Callable[[], None] = lambda: None
) -> None:
    """Put the networks into the firewalls. ``approved`` is called before the first changes, or if none does."""
    from bakery.operations.refresh_access import refresh_access

    print_line = invocation.note_before_question
    if dry_run:
        print_line = invocation.print_or_note

    def approve(names: Sequence[str]) -> bool:
        (invocation.console.note if dry_run else print_line)(cloud_line(invocation))
        for name in names:
            print_line(f"  ~ firewall {name}: admits {', '.join(networks)}")
        if not dry_run:
            invocation.confirm("change these?")
            approved()
        return not dry_run

    changed = refresh_access(invocation, networks, approve)
    if invocation.settings.json:
        print_answer(
            invocation.settings, "access-refresh", {"admin_cidrs": list(networks), "changed": list(changed)}
        )
    if not changed:
        if not dry_run:
            approved()
        invocation.console.note(f"nothing to change: the firewalls admit {', '.join(networks)} already")
