"""The ports to Consul's and Nomad's HTTP APIs; the adapters are :mod:`bakery.agents.consul` and ``nomad``.

Every call may raise AgentError. Its ``status`` is the HTTP status, 0 if there was no reply (connection, TLS,
time-out).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bakery.agents.model import (
    AclPolicy,
    AclToken,
    Allocation,
    Autopilot,
    CatalogNode,
    GossipKeys,
    ListedToken,
    LockHolder,
    Member,
    NomadNode,
    RaftPeer,
)


class AclApi(Protocol):
    """The calls that Consul and Nomad have in common."""

    def leader(self) -> str:
        """Return ``ip:port`` of the Raft leader; an empty string if there is no leader."""

    def bootstrap_acl(self, secret: str) -> bool:
        """Bootstrap the ACLs: create the first management token with ``secret`` (a UUID) as its secret.

        Return False if the ACLs were bootstrapped before, with this or another secret.
        """

    def has_management_token(self) -> bool:
        """Return whether the token of our calls is a management token."""

    def denies_anonymous(self) -> bool:
        """Return whether a read without a token is refused."""

    def members(self) -> tuple[Member, ...]:
        """Return the gossip pool as this agent sees it: all nodes of Consul, the servers of Nomad."""

    def raft_peers(self, *, stale: bool = False) -> tuple[RaftPeer, ...]:
        """Return the Raft configuration.

        With ``stale`` this server's copy, which is available without a leader.
        """

    def autopilot(self) -> Autopilot:
        """Return the servers' health. Just after an election the list may be empty, and the state unhealthy."""

    def min_quorum(self) -> int:
        """The number of voters below which autopilot removes no dead server; 0 where there is no such limit.

        Without it a server that is cut off for seconds leaves Raft as soon as most others are there.
        """

    def set_min_quorum(self, voters: int) -> bool:
        """Set that number and leave autopilot's other settings as they are; whether anything changed."""

    def transfer_leadership(self, peer_id: str) -> None:
        """Transfer leadership to the peer. No error if it is the leader already."""

    def remove_peer(self, peer_id: str) -> None:
        """Remove a server from the Raft configuration. No error if it is not a peer.

        The leader adds a server that is still an alive member again within one minute.
        """

    def force_leave(self, name: str) -> None:
        """Remove a member whose agent has ended from the gossip pool. No error for an unknown name.

        Immediate if the member's status is failed or left. If it is still alive in gossip, each agent needs six
        seconds and lists no members in that time (hashicorp/serf serf/serf.go, handlePrune).
        """

    def gossip_keys(self) -> GossipKeys:
        """Ask every alive member for its gossip keys. Takes up to 8 seconds if a member does not answer."""


class ConsulApi(AclApi, Protocol):
    """One Consul agent's API."""

    def catalog_nodes(self) -> tuple[CatalogNode, ...]:
        """Return the nodes in the catalog that the token may read."""

    def passing_nodes(self) -> tuple[str, ...]:
        """Return the names of the nodes whose ``serfHealth`` check passes."""

    def put_policy(self, policy: AclPolicy) -> bool:
        """Create or update the policy with that name; return whether it changed."""

    def list_tokens(self) -> tuple[ListedToken, ...]:
        """Return all tokens, without their secrets."""

    def put_token(self, token: AclToken) -> None:
        """Create or update the token with that accessor. Raise AgentError if it exists with another secret."""

    def delete_token(self, accessor: str) -> None:
        """Delete the token. No error if it does not exist."""

    def deregister_node(self, name: str) -> None:
        """Remove the node with its services and checks from the catalog. No error for an unknown name."""

    def create_session(self, name: str, *, node: str, ttl_seconds: int) -> str:
        """Make a session that ends unless it is renewed, and return its id.

        ``ttl_seconds`` are 10 to 86,400; Consul ends the session after them, at the latest after twice the time.
        It ends at once when ``node``, a name in the catalog, is deregistered: choose one that stays
        (hashicorp/consul agent/consul/state/catalog.go, deleteNodeTxn).
        """

    def renew_session(self, session: str) -> bool:
        """Begin the session's time anew. False: it has ended."""

    def destroy_session(self, session: str) -> None:
        """End the session; one that has ended is no error. Release its locks first, or they are free later."""

    def acquire_lock(self, key: str, session: str, holder: str) -> bool:
        """Lock ``key`` for the session and write into it who holds it. True also if the session holds it already.

        False: another session holds it, or one that did has ended in the last 15 seconds (Consul's lock delay).
        """

    def release_lock(self, key: str, session: str) -> bool:
        """Give the lock back. False: the session does not hold it."""

    def lock_holder(self, key: str) -> LockHolder | None:
        """Who holds the lock; None if nobody does."""

    def leave(self) -> None:
        """Make this agent leave the cluster and end. Takes up to 20 seconds.

        A server transfers leadership, leaves the gossip pool and waits until Raft has removed it. It does not
        restart: its systemd unit restarts the agent only after a failure.
        """


class NomadApi(AclApi, Protocol):
    """One Nomad server's API."""

    def nodes(self) -> tuple[NomadNode, ...]:
        """Return all registered clients, including those that are down."""

    def drain(self, node_id: str, *, seconds: int) -> None:
        """Start a drain: no new allocations, and after ``seconds`` Nomad stops the remaining ones."""

    def set_ineligible(self, node_id: str) -> None:
        """Let no new work come to the client; what runs there goes on. :meth:`nodes` shows the state."""

    def set_eligible(self, node_id: str) -> None:
        """Make the client eligible for new allocations again, and cancel its drain if there is one."""

    def purge(self, node_id: str) -> None:
        """Remove a client from Nomad's list.

        No error for an unknown id. A client that still runs registers again.
        """

    def allocations(self, node_id: str) -> tuple[Allocation, ...]:
        """Return the client's running and past allocations; empty for an unknown id."""


@dataclass(frozen=True, kw_only=True)
class AgentClients:
    """Factories of API clients; the argument is the agent's address."""

    consul: Callable[[str], ConsulApi]
    nomad: Callable[[str], NomadApi]
