"""The one definition of healthy, as data."""

from dataclasses import dataclass
from enum import StrEnum


class ConditionState(StrEnum):
    OK = "ok"
    MISSING = "missing"
    """Not (yet) as it should be."""
    UNKNOWN = "unknown"
    """Cannot be asked: something before it is missing."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One named thing that must hold."""

    name: str
    """Stable, for ``--json``: "consul-leader", "consul-members", "nomad-clients" …"""
    state: ConditionState
    message: str
    """For people; names the culprit: "demo-nomad-client-2: not in Consul's catalog"."""
    help: str | None = None
    """What to do about it, where waiting or another launch does not help."""
    blocks: bool = True
    """Whether the cluster is not healthy while this is not known."""
    by_choice: bool = False
    """Whether all that is unmet is what a user has ordered, and no launch waits for: clients that take no work."""


@dataclass(frozen=True, kw_only=True)
class NodeReport:
    """One planned or found node."""

    name: str
    role: str
    droplet_id: int | None
    droplet_status: str
    """The API's status, or "absent"."""
    public_ipv4: str | None
    private_ipv4: str | None
    consul: str
    """Serf status as in ``consul members``, or "-" if no member has the node's name and address."""
    nomad: str
    """A client's status, a server's serf status, or "-", likewise."""
    consul_voter: bool | None
    """Whether Consul's Raft counts it as a voter; None if it is no Consul server, or nobody could be asked."""
    nomad_voter: bool | None
    healthy: bool


@dataclass(frozen=True, kw_only=True)
class ClusterReport:
    cluster: str
    conditions: tuple[Condition, ...]
    nodes: tuple[NodeReport, ...]

    @property
    def healthy(self) -> bool:
        """Every condition is met; one that does not block may be unknown."""
        return not any(condition.blocks for condition in self.missing)

    @property
    def settled(self) -> bool:
        """Healthy, or not so by a user's choice alone."""
        return not any(condition.blocks and not condition.by_choice for condition in self.missing)

    @property
    def missing(self) -> tuple[Condition, ...]:
        return tuple(condition for condition in self.conditions if condition.state is not ConditionState.OK)
