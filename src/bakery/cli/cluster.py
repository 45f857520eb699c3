"""What several verbs need to know about the running cluster: its droplets and its servers' addresses."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bakery.cli.session import Session
from bakery.errors import BakeryError, UsageError
from bakery.hints import Command, Hint

if TYPE_CHECKING:
    from bakery.cloud.interface import Cloud
    from bakery.cloud.model import Droplet
    from bakery.credentials.model import Bundle
    from bakery.launch.base.model import FindNotJoined
    from bakery.launch.base.running import Running
    from bakery.launch.converge.snapshot import SnapshotUse
    from bakery.plan.model import ClusterPlan


@dataclass(frozen=True, kw_only=True)
class ServerAddresses:
    """Public addresses of active servers, in plan order."""

    consul: tuple[str, ...]
    nomad: tuple[str, ...]


def list_cluster_droplets(session: Session, plan: "ClusterPlan") -> "tuple[Droplet, ...]":
    """Every droplet that carries the cluster's tag, the oldest first."""
    from bakery.plan.tags import cluster_tag

    listed = session.cloud.list_droplets(tag=cluster_tag(plan.cluster))
    return tuple(sorted(listed, key=lambda droplet: droplet.id))


def quick_cloud(session: Session) -> "Cloud":
    """Return a client that tries each request once: for callers that can do without an answer."""
    from bakery.cloud.digitalocean import connect
    from bakery.cloud.transport import TransportLimits

    return connect(endpoint=session.endpoint.url, token=session.token, limits=TransportLimits(tries=1, read=10))


def droplets_or_reason(session: Session, cluster: str) -> "tuple[Droplet, ...] | str":
    """Return the cluster's droplets, or the reason why the API cannot be asked."""
    from bakery.plan.tags import cluster_tag

    try:
        return quick_cloud(session).list_droplets(tag=cluster_tag(cluster))
    except BakeryError as error:
        return error.message


def snapshots_of(session: Session, plan: "ClusterPlan", droplets: "tuple[Droplet, ...]") -> "SnapshotUse":
    """Return which snapshots the droplets were made from. Sends one request."""
    from bakery.launch.converge.snapshot import newest_snapshot, snapshot_use

    return snapshot_use(plan, droplets, newest_snapshot(session.cloud, session.config, session.content_tag()))


def snapshots_json(use: "SnapshotUse") -> dict[str, Any]:
    """Return the same for ``--json``."""
    asked = None if use.asked is None else {"id": use.asked.id, "name": use.asked.name}
    others = [{"droplet": d.name, "id": d.image_id, "name": d.image_name} for d in use.others]
    return {"asked": asked, "others": others}


def absent_of(session: Session, plan: "ClusterPlan") -> "FindNotJoined":
    """Return how a launch finds droplets that never joined; without credentials it finds none."""
    from bakery.credentials.store import find_bundle
    from bakery.observe.not_joined import find_not_joined
    from bakery.plan.slots import as_running

    def absent(droplets: "tuple[Droplet, ...]") -> frozenset[str]:
        bundle = find_bundle(session.paths)
        if bundle is None:
            return frozenset()
        return find_not_joined(as_running(plan, droplets), droplets, session.agents(bundle))

    return absent


def running_of(session: Session) -> "Running | None":
    """Return clients of the running cluster; None if its credentials are not here."""
    from bakery.credentials.store import find_bundle
    from bakery.launch.acl.policies import token_accessors
    from bakery.launch.base.running import Running

    bundle = find_bundle(session.paths)
    if bundle is None:
        return None
    session.bundle()  # writes the operator's TLS files that the agents' clients read
    return Running(clients=session.agents(bundle), tokens_of=lambda name: token_accessors(bundle, name))


def best_servers(session: Session, plan: "ClusterPlan", bundle: "Bundle") -> tuple[str, str | None]:
    """Return the address of a Consul server, and of a Nomad server or None: the first that sees a leader.

    Raises:
        UsageError: the cluster has no active Consul server.
    """
    from bakery.observe.leaders import servers_with_leader
    from bakery.plan.slots import as_running

    droplets = list_cluster_droplets(session, plan)
    servers = servers_with_leader(as_running(plan, droplets), droplets, session.agents(bundle))
    if not servers.consul:
        raise _no_consul_server(session, plan)
    for product, found in (("Consul", servers.consul), ("Nomad", servers.nomad)):
        if found and not found[0].sees_leader:
            session.console.warn(Hint(f"no {product} server sees a leader; ", Command("status"), " says more"))
    return servers.consul[0].address, servers.nomad[0].address if servers.nomad else None


def _no_consul_server(session: Session, plan: "ClusterPlan") -> UsageError:
    """Return the error with the hint of a launch, which is refused if Consul's data is lost."""
    from bakery.launch.base.model import PreviewRequest
    from bakery.launch.converge.formed import DATA_LOST
    from bakery.launch.converge.prepare import preview
    from bakery.operations.context import open_session

    request = PreviewRequest(plan=plan, image=None, ca_fingerprint=None, admin_cidrs=())
    found = preview(open_session(session), request).obstacles
    lost = next((obstacle for obstacle in found if obstacle.code == DATA_LOST), None)
    if lost is not None:
        return UsageError(message=lost.message, details=lost.details, hint=lost.hint)
    message = f"cluster {plan.cluster} has no active Consul server"
    return UsageError(message=message, hint=Command("launch"))


def server_addresses(session: Session, plan: "ClusterPlan") -> ServerAddresses:
    """Where the servers' APIs are.

    Raises:
        UsageError: the cluster has no active Consul server.
    """
    from bakery.plan.slots import slot_of

    listed = list_cluster_droplets(session, plan)
    droplets = {slot_of(droplet, plan.cluster): droplet for droplet in listed if droplet.status == "active"}

    def addresses(slots: tuple[str, ...]) -> tuple[str, ...]:
        found = (droplets[slot].public_ipv4 for slot in slots if slot in droplets)
        return tuple(address for address in found if address)

    consul = addresses(tuple(node.slot for node in plan.consul_servers))
    if not consul:
        raise _no_consul_server(session, plan)
    return ServerAddresses(consul=consul, nomad=addresses(tuple(node.slot for node in plan.nomad_servers)))
