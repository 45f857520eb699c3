"""Takes a node out of the cluster: out of Raft before its droplet is deleted, out of gossip and catalog after."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from bakery.agents.interface import AclApi, ConsulApi, NomadApi
from bakery.agents.model import RaftPeer
from bakery.cloud.model import Droplet
from bakery.credentials.issue import forget_rendered
from bakery.errors import AgentError, DeadlineError
from bakery.launch.base.patience import persist
from bakery.launch.base.running import Reached, possible_servers
from bakery.launch.base.session import Session
from bakery.observe.gather import api_address
from bakery.plan.model import ClusterPlan
from bakery.wait import Pending

T = TypeVar("T")
LEFT_SECONDS = 60.0
"""Deadline for Raft to drop a server. Consul takes about 10 s; for 5 of them it answers open requests
(LeaveDrainTime)."""
FORGOTTEN_SECONDS = 90.0
"""Deadline for the gossip pools to forget a node. Consul finds a dead member within 10 s. Nomad needs 30 to 45 s
(hashicorp/nomad nomad/config.go, DefaultWANConfig), less after a force-leave."""


@dataclass(frozen=True)
class Identity:
    """Name and address of a node. The name alone does not suffice: bakery 0.1 gave names to successors again."""

    name: str
    address: str | None
    """Address in the VPC."""

    def is_of(self, other: "Identified") -> bool:
        """Whether ``other`` is this node."""
        return (other.name, other.address) == (self.name, self.address)


class Identified(Protocol):
    """A gossip member, a Nomad client or a Raft peer."""

    @property
    def name(self) -> str: ...

    @property
    def address(self) -> str: ...


def leave_raft(session: Session, plan: ClusterPlan, reached: Reached, droplet: Droplet) -> None:
    """Take the droplet's servers out of Raft. The caller must delete the droplet at once afterwards.

    Nomad has no call that makes a server leave. Its peer is removed, and the leader would add it again within a
    minute (hashicorp/nomad nomad/leader.go, reconcile): so Consul's server, which takes longer, leaves first.
    A server that does not answer causes a warning, not an error: the quorum was checked before.
    """
    if session.running is None:
        return
    if possible_servers(plan, plan.consul_servers, [droplet]):
        own = session.running.clients.consul(api_address(droplet))
        _attempt(session, droplet.name, partial(_leave_consul, session, own, reached.consul, droplet))
    if possible_servers(plan, plan.nomad_servers, [droplet]):
        _attempt(session, droplet.name, partial(_drop_peer, session, "Nomad", reached.nomad, droplet))


def drop_from_raft(session: Session, reached: Reached, droplet: Droplet) -> None:
    """Remove the peers of a droplet that is lost, through other servers. The caller deletes it at once afterwards.

    A peer that leads hands leadership over first: Raft cannot remove its leader.
    """
    for product, api in (("Consul", reached.consul), ("Nomad", reached.nomad)):
        _attempt(session, droplet.name, partial(_drop_peer, session, product, api, droplet))


def _drop_peer(session: Session, product: str, api: AclApi | None, droplet: Droplet) -> None:
    peer = _peer_of(api, droplet)
    if api is None or peer is None:
        return
    if peer.leader:
        healthy = [s for s in api.autopilot().servers if s.voter and s.healthy and s.id != peer.id]
        if healthy:
            api.transfer_leadership(healthy[0].id)
            _wait_for_other_leader(session, product, api, droplet)
    api.remove_peer(peer.id)
    _wait_until_out(session, product, api, droplet)


def forget(session: Session, plan: ClusterPlan, reached: Reached, gone: Droplet) -> bool:
    """Remove the node of a deleted droplet from Consul, Nomad and the ACLs, and wait until it is removed.

    Return whether that is done; if not, a warning says why. Without credentials no server can be asked.
    """
    if session.running is None:
        forget_rendered(session.paths, gone.name)
        session.reporter.warn(
            f"{gone.name}: without the cluster's credentials Consul and Nomad still know it, and its tokens are"
            " valid; a launch with them removes it there"
        )
        return False
    done = forget_everywhere(
        session, reached, Identity(gone.name, gone.private_ipv4), partial(_attempt, session, gone.name)
    )
    if reached.consul is None:
        done = _warn_of_no_leader(session, gone.name, "Consul")
    if reached.nomad is None and plan.nomad_servers:
        done = _warn_of_no_leader(session, gone.name, "Nomad")
    return done


def forget_everywhere(
    session: Session, reached: Reached, gone: Identity, attempt: Callable[[Callable[[], None]], bool]
) -> bool:
    """Remove a node from what is reached of Consul and Nomad, step by step, and wait until it is removed.

    If it was rendered under its name, it does not count as rendered any more: ``bootstrap`` would make its tokens
    again. ``attempt`` takes a step, which may be repeated, and returns whether it is done. Return whether all are.
    """
    forget_rendered(session.paths, gone.name)

    def attempt_in_nomad(step: Callable[[Session, NomadApi, Identity, Sequence[NomadApi]], None]) -> bool:
        nomad, servers = reached.nomad, reached.nomad_servers
        return nomad is None or attempt(partial(step, session, nomad, gone, servers))

    # Nomad needs about 7 s to forget a server. In that time Consul finds its agent dead, so Nomad comes first.
    # What Nomad knows of a client comes after Consul (forget_in_nomad says why).
    no_server_left = attempt_in_nomad(_forget_nomad_server)
    not_in_consul = reached.consul is None or attempt(partial(forget_in_consul, session, reached.consul, gone))
    return no_server_left and attempt_in_nomad(forget_in_nomad) and not_in_consul


def _forget_nomad_server(session: Session, nomad: NomadApi, gone: Identity, servers: Sequence[NomadApi]) -> None:
    """Do what :func:`forget_in_nomad` does, unless the node is a client."""
    if not any(gone.is_of(node) for node in nomad.nodes()):
        forget_in_nomad(session, nomad, gone, servers)


def _warn_of_no_leader(session: Session, name: str, product: str) -> bool:
    """Warn, and return that the node is not removed."""
    session.reporter.warn(
        f"{name}: no server of {product} sees a leader, so {product} still knows it; a launch removes it there"
    )
    return False


def forget_in_nomad(session: Session, nomad: NomadApi, gone: Identity, servers: Sequence[NomadApi]) -> None:
    """Remove the node from Nomad's Raft, list of clients and gossip pool. ``servers`` are all that answer.

    Call this after :func:`forget_in_consul`, which waits until the machine is dead: a client that still runs when
    it is purged registers again (hashicorp/nomad client/client.go, registerAndHeartbeat).

    Raises:
        AgentError, DeadlineError: Nomad refused, or still lists the node.
    """
    for peer in nomad.raft_peers():
        if peer.address == gone.address:
            nomad.remove_peer(peer.id)
    for node in nomad.nodes():
        if gone.is_of(node):
            nomad.purge(node.id)
    if any(gone.is_of(member) for member in nomad.members()):
        # Nomad finds a dead server after 30 to 45 s; the pool may forget it before that.
        _wait_until_forgotten(session, "Nomad", nomad, gone, servers, wait_for_failure=False)


def forget_in_consul(session: Session, consul: ConsulApi, gone: Identity) -> None:
    """Delete the node's tokens, and remove it from Consul's gossip pool and catalog.

    The tokens come first, because who holds the gossip key can keep a node alive there for as long as they like.

    Raises:
        AgentError, DeadlineError: Consul refused, or still lists the node.
    """
    delete_tokens(session, consul, gone)
    _wait_until_forgotten(session, "Consul", consul, gone, wait_for_failure=True)
    consul.deregister_node(gone.name)


def delete_tokens(session: Session, consul: ConsulApi, gone: Identity) -> None:
    """Delete the Consul tokens of a node that is gone. No error if they are deleted already.

    Raises:
        AgentError: Consul refused.
    """
    for accessor in session.running.tokens_of(gone.name) if session.running else ():
        consul.delete_token(accessor)


def _attempt(session: Session, name: str, step: Callable[[], None]) -> bool:
    try:
        persist(session, step, what=f"Consul and Nomad to let {name} go")
    except (AgentError, DeadlineError) as error:
        session.reporter.warn(f"{name}: {error.full_message}")
        return False
    return True


def _leave_consul(session: Session, own: ConsulApi, other: ConsulApi | None, droplet: Droplet) -> None:
    peer = _peer_of(other, droplet)
    if other is None or peer is None:
        return
    try:
        own.leave()
    except AgentError:
        # The agent is dead, or ended before it answered. Raft cannot remove its leader; a dead leader loses the
        # leadership by itself.
        if not peer.leader:
            other.remove_peer(peer.id)
    _wait_until_out(session, "Consul", other, droplet)


def _peer_of(api: AclApi | None, droplet: Droplet) -> RaftPeer | None:
    peers = api.raft_peers() if api is not None else ()
    return next((peer for peer in peers if peer.address == droplet.private_ipv4), None)


def _wait_for_other_leader(session: Session, product: str, api: AclApi, droplet: Droplet) -> None:
    def check() -> bool | Pending:
        leader = (_quiet(api.leader) or "").rpartition(":")[0]
        if not leader:
            return Pending("no leader is elected yet")
        return Pending(f"{droplet.name} still leads") if leader == droplet.private_ipv4 else True

    session.wait(check, what=f"another {product} server to lead", seconds=LEFT_SECONDS, every=1.0)


def _wait_until_out(session: Session, product: str, api: AclApi, droplet: Droplet) -> None:
    def check() -> bool | Pending:
        peers = _quiet(api.raft_peers) or ()
        if any(peer.address == droplet.private_ipv4 for peer in peers):
            return Pending(f"{droplet.name} is still a peer")
        return True if any(peer.leader for peer in peers) else Pending(f"{product} has no leader")

    session.wait(check, what=f"{product}'s Raft to drop {droplet.name}", seconds=LEFT_SECONDS, every=1.0)


def _wait_until_forgotten(
    session: Session,
    product: str,
    api: AclApi,
    gone: Identity,
    servers: Sequence[AclApi] = (),
    *,
    wait_for_failure: bool,
) -> None:
    """Send force-leave until the pool does not list the member.

    With ``wait_for_failure`` wait until the pool has found the member dead: force-leave of an alive member stops
    the gossip of every agent for six seconds (hashicorp/serf serf/serf.go, handlePrune). An agent passes a
    force-leave on after these six seconds, so ``servers`` are asked at the same time as ``api``.
    """

    def force_leave() -> bool | Pending:
        member = next((member for member in api.members() if gone.is_of(member)), None)
        if member is None:
            return True
        if wait_for_failure and member.status == "alive":
            return Pending(f"{gone.name} still counts as alive")
        _force_leave_at_once((api, *(server for server in servers if server is not api)), gone.name)
        return Pending(f"{gone.name} is still a member ({member.status})")

    what = f"{product}'s gossip pool to forget {gone.name}"
    session.retry(force_leave, what=what, seconds=FORGOTTEN_SECONDS, every=1.0)


def _force_leave_at_once(servers: Sequence[AclApi], name: str) -> None:
    """Ask every server. Only the first must answer: the request reaches the others through gossip as well.

    Raises:
        AgentError: the first refused.
    """
    with ThreadPoolExecutor(max_workers=len(servers)) as pool:
        first, *others = [pool.submit(server.force_leave, name) for server in servers]
    for other in others:
        _quiet(other.result)
    first.result()


def _quiet(call: Callable[[], T]) -> T | None:
    try:
        return call()
    except AgentError:
        return None
