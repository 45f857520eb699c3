"""The ports to Consul's and Nomad's HTTP APIs; the adapters are :mod:`bakery.agents.consul` and ``nomad``.

Every call raises AgentError: ``status`` is the HTTP status, 0 when there was no reply (connection, TLS, time-out).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bakery.agents.model import AclPolicy, AclToken, ListedToken, Member, NomadNode


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


class ConsulApi(AclApi, Protocol):
    """One Consul agent's API."""

    def peers(self) -> tuple[str, ...]:
        """``ip:port`` of each server in the Raft configuration."""

    def members(self) -> tuple[Member, ...]:
        """The LAN gossip pool as this agent sees it."""

    def catalog_nodes(self) -> tuple[str, ...]:
        """Names of the nodes in the catalog."""

    def passing_nodes(self) -> tuple[str, ...]:
        """Names of the nodes whose ``serfHealth`` check passes."""

    def put_policy(self, policy: AclPolicy) -> bool:
        """Make the policy or bring it up to date, by name; whether anything changed."""

    def list_tokens(self) -> tuple[ListedToken, ...]: ...

    def put_token(self, token: AclToken) -> None:
        """Make the token or bring it up to date, by accessor; another secret for it is an AgentError."""


class NomadApi(AclApi, Protocol):
    """One Nomad server's API."""

    def members(self) -> tuple[Member, ...]:
        """The servers' gossip pool."""

    def nodes(self) -> tuple[NomadNode, ...]:
        """Every client that Nomad knows, those that are down too."""

    def drain(self, node_id: str, *, seconds: int) -> None:
        """Begin to move a client's work away; after ``seconds`` Nomad stops what is left. No new work comes."""


@dataclass(frozen=True, kw_only=True)
class AgentClients:
    """How to reach an agent, given the address of its machine."""

    consul: Callable[[str], ConsulApi]
    nomad: Callable[[str], NomadApi]
