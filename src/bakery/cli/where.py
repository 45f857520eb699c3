"""The cloud that a command works on: how it is printed, and the option that allows another one than before."""

import click

from bakery.cli.session import Session

other_cloud_option = click.option(
    "--other-cloud",
    is_flag=True,
    help="Continue although the cluster was launched on another cloud, account or emulator.",
)


def cloud_line(session: Session) -> str:
    """Return ``on DigitalOcean (api.digitalocean.com), account a@b.c, team T``."""
    return f"on {session.place.name}"


def cloud_json(session: Session) -> dict[str, str]:
    """Return the same for ``--json``; ``owner`` is the team's UUID, or the user's."""
    place = session.place
    return {"name": place.name, "endpoint": place.endpoint, "owner": place.owner}
