"""``bakery access``: the networks that may reach the cluster's APIs from outside the VPC."""

from collections.abc import Sequence

import click

from bakery.cli.admin_cidrs import admin_cidr_option, admin_cidrs
from bakery.cli.options import common_options
from bakery.cli.session import session_of
from bakery.cli.where import cloud_line, other_cloud_option


@click.group()
@common_options
def access() -> None:
    """Change which networks may reach the APIs and web UIs from outside the VPC."""


@access.command(short_help="Put your current address into the cluster's firewalls.")
@admin_cidr_option
@click.option("--dry-run", is_flag=True, help="Show what would change, and exit.")
@other_cloud_option
@common_options
@click.pass_context
def refresh(
    context: click.Context,
    cidrs: tuple[str, ...],
    dry_run: bool,  # noqa: FBT001 - a click flag
    other_cloud: bool,  # noqa: FBT001 - a click flag
) -> None:
    """Put access.admin_cidrs into the cluster's firewalls, with your current address in place of auto."""
    from bakery.operations.place import check_place
    from bakery.operations.refresh_access import refresh_access

    session = session_of(context)
    _ = session.cloud  # a missing token is reported first
    check_place(session, insists=other_cloud)
    networks = admin_cidrs(session, cidrs)
    print_line = session.note_before_question
    if dry_run:
        print_line = session.print_or_note

    def approve(names: Sequence[str]) -> bool:
        (session.console.note if dry_run else print_line)(cloud_line(session))
        for name in names:
            print_line(f"  ~ firewall {name}: admits {', '.join(networks)}")
        if not dry_run:
            session.confirm("change these?")
        return not dry_run

    changed = refresh_access(session, networks, approve)
    if session.settings.json:
        session.console.print_json({"admin_cidrs": list(networks), "changed": list(changed)})
    if not changed:
        session.console.note(f"nothing to change: the firewalls admit {', '.join(networks)} already")
