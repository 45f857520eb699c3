"""``bakery access``: who may reach the cluster's APIs from outside."""

import click

from bakery.cli.admin import admin_cidr_option, admin_cidrs
from bakery.cli.session import common_options, session_of


@click.group()
@common_options
def access() -> None:
    """The networks that may reach the APIs and user interfaces from outside the VPC."""


@access.command(short_help="Put your present address into the cluster's firewalls.")
@admin_cidr_option
@common_options
@click.pass_context
def refresh(context: click.Context, cidrs: tuple[str, ...]) -> None:
    """Ask for the present address (auto), and update the cluster's firewalls where they differ."""
    from bakery.launch.access import refresh_access

    session = session_of(context)
    cloud = session.cloud
    networks = admin_cidrs(session, cidrs)
    changed = refresh_access(
        session.plan(), cloud=cloud, paths=session.paths, admin_cidrs=networks, reporter=session.console
    )
    if session.settings.json:
        session.console.json({"admin_cidrs": list(networks), "changed": list(changed)})
    if not changed:
        session.console.note(f"nothing to change: {', '.join(networks)} may reach the APIs already")
