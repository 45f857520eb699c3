"""The cloud that a command works on: how it is printed, and the option that allows another one than before."""

import click

from bakery.cli.invocation import Invocation

other_cloud_option = click.option(
    "--other-cloud",
    is_flag=True,
    help="Continue although the cluster was launched on another cloud, account or emulator.",
)


def cloud_line(invocation: Invocation) -> str:
    """Return ``on DigitalOcean (api.digitalocean.com), account a@b.c, team T``."""
    return f"on {invocation.place.name}"


def cloud_json(invocation: Invocation) -> dict[str, str]:
    """Return the same for ``--json``; ``owner`` is the team's UUID, or the user's."""
    place = invocation.place
    return {"name": place.name, "endpoint": place.endpoint, "owner": place.owner}
