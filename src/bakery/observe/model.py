"""The health report as frozen dataclasses."""

from dataclasses import dataclass
from enum import StrEnum


class ConditionState(StrEnum):
    """Whether a condition is met."""

    OK = "ok"
    MISSING = "missing"
    """Not met (yet)."""
    UNKNOWN = "unknown"
    """Not known, because a query failed."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One named requirement of a healthy cluster."""

    name: str
    """Stable name, also in ``--json``: "consul-leader", "consul-members", "nomad-clients" …"""
    state: ConditionState
    message: str
    """One line with the cause: "demo-nomad-client-2: not in Consul's catalog"."""
    help: str | None = None
    """What to do, if neither waiting nor another launch helps; else None."""
    blocks: bool = True
    """Whether the cluster counts as not healthy while the condition is not met, or not known to be."""
    by_choice: bool = False
    """Whether a user caused it, so that a launch does not wait: clients made ineligible."""


@dataclass(frozen=True, kw_only=True)
class NodeReport:
    """A planned node, or a droplet beyond the plan."""

    name: str
    role: str
    droplet_id: int | None
    droplet_status: str
    """The droplet's status in the API; "absent" if there is no droplet."""
    public_ipv4: str | None
    private_ipv4: str | None
    consul: str
    """Serf status as in ``consul members``, or "-" if no member has the node's name and address."""
    nomad: str
    """Status of a Nomad client, Serf status of a Nomad server, or "-"."""
    consul_voter: bool | None
    """Whether it is a voter in Consul's Raft; None if it is not a Consul server, or if the query failed."""
    nomad_voter: bool | None
    generation: int | None
    """Generation of the secrets that the droplet was created with; None if there is no droplet."""
    healthy: bool
    consul_version: str | None = None
    """Version of the agent that is alive at the droplet's address; None if there is none."""
    nomad_version: str | None = None
    consul_leader: bool | None = None
    """Whether it leads Consul's Raft; None if it is not a peer there, or if the query failed."""
    nomad_leader: bool | None = None


@dataclass(frozen=True, kw_only=True)
class ClusterReport:
    """The conditions and nodes of one observation."""

    cluster: str
    conditions: tuple[Condition, ...]
    nodes: tuple[NodeReport, ...]

    @property
    def healthy(self) -> bool:
        """Whether every condition is met that ``blocks``."""
        return not any(condition.blocks for condition in self.missing)

    @property
    def answered(self) -> bool:
        """Whether a server of Consul or Nomad answered: it knows at least one node."""
        return any(node.consul != "-" or node.nomad != "-" for node in self.nodes)

    @property
    def settled(self) -> bool:
        """Whether the cluster is healthy apart from what a user caused."""
        return not any(condition.blocks and not condition.by_choice for condition in self.missing)

    @property
    def missing(self) -> tuple[Condition, ...]:
        return tuple(condition for condition in self.conditions if condition.state is not ConditionState.OK)
