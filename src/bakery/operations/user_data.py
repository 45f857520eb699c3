"""User-data of nodes: a certificate is issued once per node and launch, then rendered with the rest."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from bakery.credentials.certificates import read_certificates
from bakery.credentials.issue import issue_for_node
from bakery.credentials.model import Bundle, NodeCredentials, RegistryLogin
from bakery.launch.base.model import UserDataFor
from bakery.operations.registry_logins import registry_logins
from bakery.plan.model import ClusterPlan, Node
from bakery.render.model import Join
from bakery.render.user_data import render_node


def user_data_maker(plan: ClusterPlan, bundle: Bundle, folder: Path) -> UserDataFor:
    """Return a function that renders the user-data of a node. The first call issues its certificate.

    ``folder`` is that of the cluster file. The first call for a Nomad client reads the credentials of registries,
    that for an ingress node the keys of the user's certificates. Either raises CredentialsError if they are not
    there.
    """

    @cache
    def logins() -> tuple[RegistryLogin, ...]:
        return registry_logins(plan.docker, folder)

    issued: dict[str, NodeCredentials] = {}

    def user_data(node: Node, join: Join) -> str:
        if node.name not in issued:
            found = issue_for_node(
                bundle,
                name=node.name,
                kind=node.kind,
                now=datetime.now(UTC),
                leaf_days=plan.leaf_days,
                mesh=plan.mesh,
            )
            registries = logins() if node.kind.is_nomad_client else ()
            certificates = read_certificates(plan.ingress, folder) if node.kind.is_ingress else ()
            issued[node.name] = replace(found, registries=registries, certificates=certificates)
        return render_node(plan, node, issued[node.name], join).text

    return user_data
