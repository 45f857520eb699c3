"""Which cloud a command goes to: said before anything is asked, and refused where the cluster is in another."""

from typing import TYPE_CHECKING

import click

from bakery.cli.session import Session

if TYPE_CHECKING:
    from bakery.config.paths import StatePaths
    from bakery.launch.base.model import Obstacle

other_cloud_option = click.option(
    "--other-cloud",
    is_flag=True,
    help="Go on although the cluster was launched on another cloud, account or emulator.",
)


def cloud_line(session: Session) -> str:
    """``on DigitalOcean (api.digitalocean.com), account a@b.c, team T``."""
    return f"on {session.place.name}"


def cloud_json(session: Session) -> dict[str, str]:
    """The same for machines; ``owner`` is the team's UUID, or the user's."""
    place = session.place
    return {"name": place.name, "endpoint": place.endpoint, "owner": place.owner}


def has_record(paths: "StatePaths") -> bool:
    """Whether the cluster was launched from here: its credentials are here, or it is known in which cloud it is.

    Clusters that an older bakery launched have credentials only.
    """
    return paths.place.exists() or has_credentials(paths)


def has_credentials(paths: "StatePaths") -> bool:
    """Whether the cluster's bundle is here, readable or not."""
    from bakery.credentials.store import find_bundle
    from bakery.errors import CredentialsError

    try:
        return find_bundle(paths) is not None
    except CredentialsError:
        return True


def place_obstacles(session: Session, *, insists: bool) -> "tuple[Obstacle, ...]":
    """Why commands on the cluster must not go to this cloud, if so; otherwise a change of cloud is said."""
    from bakery.launch.base.place import judge, load_place

    cluster = session.config.cluster
    judgement = judge(cluster, load_place(session.paths.place), session.place, insists=insists)
    if judgement.note:
        session.console.warn(judgement.note)
    return () if judgement.obstacle is None else (judgement.obstacle,)


def check_cloud(session: Session, *, insists: bool) -> None:
    """Before a command that reads or changes the cluster.

    Raises:
        UsageError: the cluster was launched in another cloud, and nobody insists.
    """
    from bakery.launch.converge.verdict import refusal

    obstacles = place_obstacles(session, insists=insists)
    if obstacles:
        raise refusal(obstacles)


def keep_cloud(session: Session) -> None:
    """From now on the cluster is in this cloud."""
    from bakery.launch.base.place import remember_place

    remember_place(session.paths.place, session.place)
