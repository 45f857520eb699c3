"""The ports to Consul's and Nomad's HTTP APIs; the adapters are :mod:`bakery.agents.consul` and ``nomad``.

Every call raises AgentError: ``status`` is the HTTP status, 0 when there was no reply (connection, TLS, time-out).
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
    Member,
    NomadNode,
    RaftPeer,
)


class AclApi(Protocol):
    """What Consul and Nomad have in common."""

    def leader(self) -> str:
        """``ip:port`` of the Raft leader, or an empty string when there is none."""

    def bootstrap_acl(self, secret: str) -> bool:
        """Make the first management token, with ``secret`` (a UUID) as its secret.

        True: this call made it. False: the ACLs were bootstrapped before, with whatever secret.
        """

    def has_management_token(self) -> bool:
        """Whether the agent knows the token that our calls carry as one that may do everything."""

    def denies_anonymous(self) -> bool:
        """Whether a read without a token is refused."""

    def members(self) -> tuple[Member, ...]:
        """The gossip pool as this agent sees it: every node of Consul, the servers of Nomad."""

    def raft_peers(self, *, stale: bool = False) -> tuple[RaftPeer, ...]:
        """The Raft configuration. ``stale``: as this server knows it, which needs no leader."""

    def autopilot(self) -> Autopilot:
        """The servers' health. Just after an election the leader may know no server yet and says unhealthy."""

    def transfer_leadership(self, peer_id: str) -> None:
        """Make that peer the leader; if it is the leader already, nothing happens."""

    def remove_peer(self, peer_id: str) -> None:
        """Take a server out of the Raft configuration; nothing happens if it is not in there.

        The leader adds a server that is still an alive member again within a minute.
        """

    def force_leave(self, name: str) -> None:
        """Strike a member that is gone from the gossip pool; an unknown name is no error.

        At once if gossip has noticed that it failed or left. If gossip still takes it for alive, each agent needs
        six seconds and lists no members meanwhile (hashicorp/serf serf/serf.go, handlePrune).
        """

    def gossip_keys(self) -> GossipKeys:
        """Ask every alive member for its gossip keys; takes up to 8 seconds if one does not answer."""


class ConsulApi(AclApi, Protocol):
    """One Consul agent's API."""

    def catalog_nodes(self) -> tuple[CatalogNode, ...]:
        """The nodes in the catalog; of those that the token may not read there is no word."""

    def passing_nodes(self) -> tuple[str, ...]:
        """Names of the nodes whose ``serfHealth`` check passes."""

    def put_policy(self, policy: AclPolicy) -> bool:
        """Make the policy or bring it up to date, by name; whether anything changed."""

    def list_tokens(self) -> tuple[ListedToken, ...]: ...

    def put_token(self, token: AclToken) -> None:
        """Make the token or bring it up to date, by accessor; another secret for it is an AgentError."""

    def delete_token(self, accessor: str) -> None:
        """Delete the token; one that does not exist is no error."""

    def deregister_node(self, name: str) -> None:
        """Strike the node from the catalog, with its services and checks; an unknown name is no error."""

    def leave(self) -> None:
        """Make this very agent leave the cluster and end; takes up to 20 seconds.

        A server hands leadership over, leaves the gossip pool and waits until Raft has dropped it. It does not
        come back by itself: its unit restarts only after a failure.
        """


class NomadApi(AclApi, Protocol):
    """One Nomad server's API."""

    def nodes(self) -> tuple[NomadNode, ...]:
        """Every client that Nomad knows, those that are down too."""

    def drain(self, node_id: str, *, seconds: int) -> None:
        """Begin to move a client's work away; after ``seconds`` Nomad stops what is left. No new work comes."""

    def set_eligible(self, node_id: str) -> None:
        """Let new work come to the client again, and end its drain if one runs."""

    def purge(self, node_id: str) -> None:
        """Strike a client from the list; an unknown one is no error. One that still runs registers again."""

    def allocations(self, node_id: str) -> tuple[Allocation, ...]:
        """What runs or ran on the client; empty for an unknown one."""


@dataclass(frozen=True, kw_only=True)
class AgentClients:
    """How to reach an agent, given the address of its machine."""

    consul: Callable[[str], ConsulApi]
    nomad: Callable[[str], NomadApi]
