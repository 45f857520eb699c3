"""How nodes that are about to be destroyed are drained: through a Nomad server that stays."""

from typing import TYPE_CHECKING

from bakery.cli.session import Session
from bakery.errors import CredentialsError

if TYPE_CHECKING:
    from bakery.cloud.model import Droplet
    from bakery.launch.drain import Drain
    from bakery.plan.model import ClusterPlan


def drain_of(session: Session, plan: "ClusterPlan") -> "Drain":
    """Drains the Nomad clients among the droplets; what stands in the way of that is a warning."""

    def drain(droplets: "tuple[Droplet, ...]") -> None:
        from bakery.launch.drain import drain_clients

        names = _clients(plan, droplets)
        if not names:
            return
        address = _server(session, plan, droplets)
        if address is None:
            session.console.warn(f"not drained: {', '.join(names)} (no Nomad server is active)")
            return
        try:
            clients = session.agents(session.bundle())
        except CredentialsError as error:
            session.console.warn(f"not drained: {', '.join(names)} ({error.brief})")
            return
        drain_clients(clients.nomad(address), names, reporter=session.console)

    return drain


def _clients(plan: "ClusterPlan", droplets: "tuple[Droplet, ...]") -> list[str]:
    """Names that may be Nomad clients; of a role that has left the plan nobody knows."""
    others = {node.name for node in plan.nodes if not node.kind.is_nomad_client}
    return [droplet.name for droplet in droplets if droplet.status == "active" and droplet.name not in others]


def _server(session: Session, plan: "ClusterPlan", going: "tuple[Droplet, ...]") -> str | None:
    from bakery.cli.cluster import list_cluster_droplets

    servers = {node.name for node in plan.nomad_servers}
    gone = {droplet.id for droplet in going}
    return next(
        (
            droplet.public_ipv4
            for droplet in list_cluster_droplets(session, plan)
            if droplet.name in servers and droplet.id not in gone and droplet.status == "active"
        ),
        None,
    )
