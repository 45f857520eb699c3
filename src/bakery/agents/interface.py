"""The ports to Consul's and Nomad's HTTP APIs; the adapters are :mod:`bakery.agents.consul` and ``nomad``.

Every call may raise AgentError. Its ``status`` is the HTTP status, 0 if there was no reply (connection, TLS,
time-out).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bakery.agents.model import (
    AclPolicy,
    AclRole,
    AclToken,
    Allocation,
    Autopilot,
    BindingRule,
    CatalogNode,
    CertificateDates,
    Evaluation,
    GossipKeys,
    JobStatus,
    JwtAuthMethod,
    ListedToken,
    LockHolder,
    Member,
    NomadNode,
    RaftPeer,
    Resources,
    SigningKey,
    TokenGrant,
)


class TlsApi(Protocol):
    """An agent whose certificate can be seen."""

    def certificate(self) -> CertificateDates:
        """Return the dates of the certificate in the agent's TLS handshake, also if it has expired.

        The certificate must be of the cluster's CA and for the agent's name. Waits at most 2 seconds.
        """


class AclApi(TlsApi, Protocol):
    """The calls that Consul and Nomad have in common."""

    def leader(self) -> str:
        """Return ``ip:port`` of the Raft leader; an empty string if there is no leader."""

    def bootstrap_acl(self, secret: str) -> bool:
        """Bootstrap the ACLs: create the first management token with ``secret`` (a UUID) as its secret.

        Return False if the ACLs were bootstrapped before, with this or another secret.
        """

    def has_management_token(self) -> bool:
        """Return whether the token of our calls is a management token."""

    def accepts_token(self) -> bool:
        """Return whether this server knows the token of our calls, and it has not expired."""

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
        """Return the number of voters below which autopilot removes no dead server; 0 if there is no limit.

        Without a limit a server that is unreachable for seconds is removed from Raft while a majority remains.
        """

    def set_min_quorum(self, voters: int) -> bool:
        """Set that number, keep autopilot's other settings, and return whether anything changed."""

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

    def join(self, addresses: Sequence[str]) -> int:
        """Make this agent join the gossip pools of agents at VPC addresses; return how many of these answered.

        An agent that answers becomes a member too. Consul needs a management token; Nomad needs none, so its
        servers can be joined before they have a leader. Takes up to 10 seconds for each address that is silent.
        """

    def gossip_keys(self) -> GossipKeys:
        """Ask every alive member for its gossip keys. Takes up to 8 seconds if a member does not answer."""


class ConsulApi(AclApi, Protocol):
    """One Consul agent's API."""

    def catalog_nodes(self) -> tuple[CatalogNode, ...]:
        """Return the nodes in the catalog that the token may read."""

    def passing_nodes(self) -> tuple[str, ...]:
        """Return the names of the nodes whose ``serfHealth`` check passes."""

    def passing_instances(self, service: str) -> tuple[str, ...]:
        """Return the names of the nodes on which every check of ``service`` passes, and those of the node."""

    def service_tags(self) -> Mapping[str, tuple[str, ...]]:
        """Return the tags of each service in the catalog, those of all its instances together, by name."""

    def put_policy(self, policy: AclPolicy) -> bool:
        """Create or update the policy with that name; return whether it changed."""

    def delete_policy(self, name: str) -> None:
        """Delete the policy. No error if it does not exist."""

    def list_tokens(self) -> tuple[ListedToken, ...]:
        """Return all tokens, without their secrets."""

    def put_token(self, token: AclToken) -> None:
        """Create or update the token with that accessor. Raise AgentError if it exists with another secret."""

    def delete_token(self, accessor: str) -> None:
        """Delete the token. No error if it does not exist."""

    def put_role(self, role: AclRole) -> bool:
        """Create or update the role with that name; return whether it changed."""

    def put_auth_method(self, method: JwtAuthMethod) -> bool:
        """Create or update the auth method with that name; return whether it changed."""

    def put_binding_rules(self, method: str, rules: Sequence[BindingRule]) -> int:
        """Create or update the binding rules of the auth method; return how many changed.

        A rule is found by its description. Other rules of the method stay as they are.
        """

    def jwt_keys(self, method: str) -> tuple[str, ...]:
        """Return the PEM keys of the auth method.

        Empty if the method does not exist, or reads its keys from a URL.
        """

    def deregister_node(self, name: str) -> None:
        """Remove the node with its services and checks from the catalog. No error for an unknown name."""

    def put_key(self, key: str, value: Mapping[str, str]) -> None:
        """Write the value as JSON. Errors do not contain what is in it."""

    def has_key(self, key: str) -> bool:
        """Return whether the key exists. Its value is not read."""

    def delete_key(self, key: str) -> None:
        """Delete the key. No error if it does not exist."""

    def create_session(self, name: str, *, node: str, ttl_seconds: int) -> str:
        """Create a session and return its id; it ends if it is not renewed within ``ttl_seconds``, 10 to 86,400.

        Consul may take twice that time to end it. It ends at once when ``node``, a name in the catalog, is
        deregistered (hashicorp/consul agent/consul/state/catalog.go, deleteNodeTxn): choose a node that stays.
        """

    def renew_session(self, session: str) -> bool:
        """Restart the session's TTL; return False if it has ended."""

    def destroy_session(self, session: str) -> None:
        """End the session; no error if it has ended. Locks that it still holds are free after 15 seconds."""

    def acquire_lock(self, key: str, session: str, holder: str) -> bool:
        """Lock ``key`` for the session and write ``holder`` into it; return True also if the session has the lock.

        Return False if another session has it, or if one that had it ended in the last 15 seconds (Consul's lock
        delay).
        """

    def release_lock(self, key: str, session: str) -> bool:
        """Release the lock; return False if the session does not have it."""

    def lock_holder(self, key: str) -> LockHolder | None:
        """Return who holds the lock, or None."""

    def follow_log(self, level: str, *, seconds: float | None) -> Iterator[str]:
        """Yield each line that this agent logs from now on, until ``seconds`` have passed; None: until it ends."""

    def leave(self) -> None:
        """Make this agent leave the cluster and end. Takes up to 20 seconds.

        A server transfers leadership, leaves the gossip pool and waits until Raft has removed it. It does not
        restart: its systemd unit restarts the agent only after a failure.
        """


class NomadApi(AclApi, Protocol):
    """One Nomad server's API."""

    def nodes(self) -> tuple[NomadNode, ...]:
        """Return all registered clients, including those that are down."""

    def create_introduction(self, *, name: str, pool: str) -> str:
        """Return a token with which a new client of that name and node pool registers, within half an hour.

        Needs Nomad 1.11.
        """

    def drain(self, node_id: str, *, seconds: int) -> None:
        """Start a drain: no new allocations, and after ``seconds`` Nomad stops the remaining ones."""

    def set_ineligible(self, node_id: str) -> None:
        """Make the client ineligible: no new allocations are placed on it, those that run there go on."""

    def set_eligible(self, node_id: str) -> None:
        """Make the client eligible for new allocations again, and cancel its drain if there is one."""

    def cancel_drain(self, node_id: str) -> None:
        """Cancel the client's drain if there is one; the client stays ineligible."""

    def purge(self, node_id: str) -> None:
        """Remove a client from Nomad's list.

        No error for an unknown id. A client that still runs registers again.
        """

    def follow_log(self, level: str, *, seconds: float | None, client: str | None = None) -> Iterator[str]:
        """Yield each line that this server, or the client with that id, logs from now on.

        It ends after ``seconds``; None: when the agent ends.
        """

    def read_journal(self, unit: str, *, seconds: int, follow: bool, client: str | None = None) -> Iterator[str]:
        """Yield each line of the last ``seconds`` that a systemd unit or slice of the node has in its journal.

        The node is this server's, or that of the client with that id. With ``follow`` new lines come after them,
        until the agent ends. Nomad exports only units with "nomad" in their name, from version 1.11 on: an earlier
        one refuses with status 404.
        """

    def has_namespace(self, name: str) -> bool:
        """Return whether the namespace exists."""

    def longest_token_seconds(self) -> int:
        """Return the longest time, in seconds, for which the servers make a token that expires."""

    def put_policy(self, policy: AclPolicy) -> None:
        """Create or update the policy with that name."""

    def list_tokens(self) -> tuple[ListedToken, ...]:
        """Return all tokens, without their secrets."""

    def create_token(self, grant: TokenGrant, *, seconds: int) -> str:
        """Create a client token that Nomad deletes after ``seconds``, and return its secret.

        Nomad chooses both UUIDs. ``grant.description`` becomes the token's name.
        """

    def delete_token(self, accessor: str) -> None:
        """Delete the token. No error if it does not exist."""

    def allocations(self, node_id: str) -> tuple[Allocation, ...]:
        """Return the client's running and past allocations; empty for an unknown id."""

    def job_allocations(self, job: str, namespace: str) -> tuple[Allocation, ...]:
        """Return the allocations of a job on all clients, without their groups; empty for an unknown job."""

    def evaluations(self, job: str, namespace: str) -> tuple[Evaluation, ...]:
        """Return the evaluations of a job; empty for an unknown job."""

    def job_statuses(self) -> tuple[JobStatus, ...]:
        """Return the jobs of all namespaces, the last changed first, at most 500.

        Jobs that a periodic or parameterized job has started are left out.
        """

    def free_resources(self) -> dict[str, Resources]:
        """Return what each client has left beside its allocations, by its id."""

    def host_volumes(self, node_id: str) -> tuple[str, ...]:
        """Return the names of the client's dynamic host volumes, sorted. Their data is on its disk only."""

    def signing_keys(self) -> tuple[SigningKey, ...]:
        """Return the keys that sign the identities of workloads, sorted by id; empty until there is a keyring."""


@dataclass(frozen=True, kw_only=True)
class AgentClients:
    """Factories of API clients; the argument is the agent's address."""

    consul: Callable[[str], ConsulApi]
    nomad: Callable[[str], NomadApi]
    nomad_client: Callable[[str], TlsApi]
    """A Nomad client, whose API admits the VPC only."""
