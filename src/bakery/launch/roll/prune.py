"""Removes a node from the gossip pools as each server lists them: a server may miss what another was asked."""

from collections.abc import Iterable

from bakery.agents.interface import AclApi
from bakery.cloud.model import Droplet
from bakery.errors import AgentError, DeadlineError
from bakery.launch.base.running import servers_among
from bakery.launch.base.session import Session
from bakery.launch.teardown.departure import Identity
from bakery.observe.gather import api_address
from bakery.plan.model import ClusterPlan
from bakery.wait import Pending

PRUNE_SECONDS = 30.0


def prune_everywhere(session: Session, plan: ClusterPlan, gone: Identity, droplets: Iterable[Droplet]) -> None:
    """Wait until no server of Consul and Nomad lists the node. A failure causes a warning only.

    ``droplets`` are those of the cluster.

    A server that still lists the node as dead is asked to prune it. One that does not answer is left out.
    """
    servers = _servers(session, plan, droplets)

    def prune() -> bool | Pending:
        listing = [name for name, api in servers if _still_lists(api, gone)]
        return Pending(f"{', '.join(listing)} still lists {gone.name}") if listing else True

    try:
        session.retry(prune, what=f"every server to forget {gone.name}", seconds=PRUNE_SECONDS, every=1.0)
    except DeadlineError as error:
        session.reporter.warn(f"{gone.name}: {error.full_message}")


def _servers(session: Session, plan: ClusterPlan, droplets: Iterable[Droplet]) -> list[tuple[str, AclApi]]:
    if session.running is None:
        return []
    clients = session.running.clients
    active = [each for each in droplets if each.status == "active" and api_address(each)]
    consul = [(d.name, clients.consul(api_address(d))) for d in servers_among(plan, plan.consul_servers, active)]
    nomad = [(d.name, clients.nomad(api_address(d))) for d in servers_among(plan, plan.nomad_servers, active)]
    return [*consul, *nomad]


def _still_lists(api: AclApi, gone: Identity) -> bool:
    try:
        found = next((member for member in api.members() if gone.is_of(member)), None)
        if found is not None and found.status != "alive":
            api.force_leave(gone.name)
    except AgentError:
        return False
    return found is not None
