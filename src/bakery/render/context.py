"""The input of every part of a render: the node or role, its cluster and its credentials."""

from dataclasses import dataclass

from bakery.config.model import Kind, RoleSettings
from bakery.credentials.model import NodeCredentials
from bakery.plan.model import ClusterPlan
from bakery.render.model import Join


@dataclass(frozen=True, kw_only=True)
class RenderContext:
    """The node to render for, or a role whose nodes are made by hand and take their names from the host name."""

    plan: ClusterPlan
    kind: Kind
    role: str
    node_name: str | None
    """None for a role."""
    node_pool: str
    settings: RoleSettings
    joins_itself: bool
    """Whether this is the first Consul server, which joins itself; the other servers join it."""
    credentials: NodeCredentials
    join: Join

    @property
    def is_introduced(self) -> bool:
        """Whether the node is a Nomad client that bakery introduces to the servers.

        Bakery does not know the names of nodes of a role that are made by hand.
        """
        return self.plan.introduces_clients and self.kind.is_separate_client and self.node_name is not None

    @property
    def name(self) -> str:
        """The node's name; for hand-made nodes the role's."""
        return self.node_name or self.role
