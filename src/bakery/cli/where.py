"""The cloud that a command works on: printed before each question, and refused if the cluster is in another."""

from typing import TYPE_CHECKING

import click

from bakery.cli.session import Session

if TYPE_CHECKING:
    from bakery.config.paths import StatePaths
    from bakery.launch.base.model import Obstacle

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


def has_record(paths: "StatePaths") -> bool:
    """Whether the cluster was launched from here: its credentials or the record of its cloud are here.

    Clusters that an older bakery launched have credentials only.
    """
    return paths.place.exists() or has_credentials(paths)


def has_credentials(paths: "StatePaths") -> bool:
    """Whether the cluster's bundle is on this machine, readable or not."""
    from bakery.credentials.store import find_bundle
    from bakery.errors import CredentialsError

    try:
        return find_bundle(paths) is not None
    except CredentialsError:
        return True


def place_obstacles(session: Session, *, insists: bool) -> "tuple[Obstacle, ...]":
    """Return why commands on the cluster must not go to this cloud, if so; warn of an allowed change of cloud."""
    from bakery.launch.base.place import judge, load_place

    cluster = session.config.cluster
    judgement = judge(cluster, load_place(session.paths.place), session.place, insists=insists)
    if judgement.note:
        session.console.warn(judgement.note)
    return () if judgement.obstacle is None else (judgement.obstacle,)


def check_cloud(session: Session, *, insists: bool) -> None:
    """Check that the cluster is in this cloud, before a command reads or changes it.

    Raises:
        UsageError: the cluster was launched in another cloud, and ``--other-cloud`` is not given.
    """
    from bakery.launch.converge.verdict import refusal

    obstacles = place_obstacles(session, insists=insists)
    if obstacles:
        raise refusal(obstacles)


def keep_cloud(session: Session) -> None:
    """Record that the cluster is in this cloud."""
    from bakery.launch.base.place import remember_place

    remember_place(session.paths.place, session.place)
