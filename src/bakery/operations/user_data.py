"""User-data of nodes: a certificate is issued once per node and launch, then rendered with the rest."""

from datetime import UTC, datetime

from bakery.credentials.issue import issue_for_node
from bakery.credentials.model import Bundle, NodeCredentials
from bakery.launch.base.model import UserDataFor
from bakery.plan.model import ClusterPlan, Node
from bakery.render.model import Join
from bakery.render.user_data import render_node


def user_data_maker(plan: ClusterPlan, bundle: Bundle) -> UserDataFor:
    """Return a function that renders the user-data of a node. The first call issues its certificate."""
    issued: dict[str, NodeCredentials] = {}

    def user_data(node: Node, join: Join) -> str:
        if node.name not in issued:
            issued[node.name] = issue_for_node(
                bundle, name=node.name, kind=node.kind, now=datetime.now(UTC), leaf_days=plan.leaf_days
            )
        return render_node(plan, node, issued[node.name], join).text

    return user_data
