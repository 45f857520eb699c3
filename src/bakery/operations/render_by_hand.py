"""User-data for nodes made by hand: which servers they join, and the credentials kept for them."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bakery.config.model import Kind
from bakery.credentials.certificates import read_certificates
from bakery.credentials.issue import is_stale, rendered_roles, role_credentials
from bakery.credentials.model import Bundle, NodeCredentials
from bakery.credentials.store import ensure_bundle, find_bundle
from bakery.errors import UsageError
from bakery.launch.converge.preflight import check_trust
from bakery.operations.check_agents import check_agents
from bakery.operations.context import Context
from bakery.operations.credentials import check_own_droplets
from bakery.operations.droplets import list_droplets
from bakery.operations.place import check_place
from bakery.operations.registry_logins import registry_logins
from bakery.plan.model import ClusterPlan, Node
from bakery.plan.slots import slot_of
from bakery.plan.tags import cluster_tag, config_tag, generation_tag, role_tag
from bakery.render.digest import config_digest
from bakery.render.model import Join, UserData
from bakery.render.user_data import render_node, render_role


def live_join(context: Context, plan: ClusterPlan, *, other_cloud: bool) -> Join:
    """Return the private addresses of the live cluster's servers.

    Raises:
        CredentialsError: the credentials are lost, unreadable, or not those of the droplets.
        UsageError: the cluster is in another cloud, or has no Consul server.
    """
    bundle = find_bundle(context.paths)  # unreadable credentials are reported first, as by a launch
    check_place(context, insists=other_cloud)
    listed = list_droplets(context)
    if bundle is None:
        check_trust(listed, plan.cluster, None)
    else:
        check_own_droplets(bundle, listed, plan.cluster)
    addresses = {slot_of(d, plan.cluster): d.private_ipv4 for d in listed if d.private_ipv4}
    consul = tuple(addresses[n.slot] for n in plan.consul_servers if n.slot in addresses)
    nomad = tuple(addresses[n.slot] for n in plan.nomad_servers if n.slot in addresses)
    if not consul:
        message = f"cluster {plan.cluster} has no Consul server to join"
        raise UsageError(message=message, hint="--join ADDR names one; --first renders a first server")
    return Join(consul=consul, nomad=nomad, forms_nomad=not nomad)


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """User-data for a droplet made by hand."""

    user_data: UserData
    tags: tuple[str, ...]
    """The tags that the droplet must have."""


@contextmanager
def render_user_data(
    context: Context, plan: ClusterPlan, join: Join, *, role: str, node: str | None
) -> Iterator[Rendered]:
    """Render user-data for any node of ``role``, or for its planned node ``node``, and yield it.

    The block writes it; only if that succeeds the role counts as rendered, and gets tokens. Make credentials if
    there are none. The caller has made sure that no droplet has other credentials
    (:mod:`bakery.operations.credentials`).

    Raises:
        UsageError: the role has no node of that name.
        ConfigError: Consul or Nomad refuses what the cluster file merges into its configuration.
        CredentialsError: the credentials of a registry, or the key of a certificate, are not there.
        RenderError: the user-data cannot be rendered.
    """
    check_agents(context, plan)
    now = datetime.now(UTC)
    kind = next(found.kind for found in context.config.roles if found.name == role)
    logins = registry_logins(plan.docker, context.config.path.parent) if kind.is_nomad_client else ()
    certificates = read_certificates(plan.ingress, context.config.path.parent) if kind.is_ingress else ()
    context.paths.ensure()
    bundle = ensure_bundle(context.paths, plan.cluster, now=now, reporter=context.reporter)

    planned = None if node is None else _find_node(plan, role, node)
    # A node's are stored under its name, as a role's are, so that a second rendering gives the same bytes.
    with _credentials_of(context, plan, bundle, node or role, kind, now) as found:
        credentials = replace(found, registries=logins, certificates=certificates)
        if planned is None:
            user_data = render_role(plan, role, credentials, join)
        else:
            user_data = render_node(plan, planned, credentials, join)
        yield Rendered(user_data=user_data, tags=_tags(plan, role, bundle.generation))


def _credentials_of(
    context: Context, plan: ClusterPlan, bundle: Bundle, subject: str, kind: Kind, now: datetime
) -> AbstractContextManager[NodeCredentials]:
    """Return the block that stores the credentials of a role or node; warn if earlier ones are out of date."""
    days, mesh = plan.leaf_days, plan.mesh
    if is_stale(bundle, context.paths, role=subject, kind=kind, now=now, leaf_days=days, mesh=mesh):
        context.reporter.warn(f"earlier files of {subject} are out of date: use this one for new droplets")
    return role_credentials(bundle, context.paths, role=subject, kind=kind, now=now, leaf_days=days, mesh=mesh)


def stale_roles(context: Context, plan: ClusterPlan) -> tuple[str, ...]:
    """Return the roles and nodes whose rendered files are out of date, in alphabetical order.

    Their certificates are of another CA, generation or kind, or near their end.

    Raises:
        CredentialsError: the credentials cannot be read.
    """
    bundle, now = find_bundle(context.paths), datetime.now(UTC)
    if bundle is None:
        return ()
    kinds = {node.name: node.kind for node in plan.nodes} | {role.name: role.kind for role in context.config.roles}
    return tuple(
        name
        for name in sorted(rendered_roles(context.paths) & kinds.keys())
        if is_stale(
            bundle,
            context.paths,
            role=name,
            kind=kinds[name],
            now=now,
            leaf_days=plan.leaf_days,
            mesh=plan.mesh,
        )
    )


def _tags(plan: ClusterPlan, role: str, generation: int) -> tuple[str, ...]:
    digest = config_digest(plan, next(node for node in plan.nodes if node.role == role))
    cluster = plan.cluster
    return (
        cluster_tag(cluster),
        role_tag(cluster, role),
        generation_tag(cluster, generation),
        config_tag(cluster, digest),
    )


def _find_node(plan: ClusterPlan, role: str, name: str) -> Node:
    of_role = [node for node in plan.nodes if node.role == role]
    for node in of_role:
        if node.name == name:
            return node
    message = f"role {role} has no node {name}"
    raise UsageError(message=message, hint="nodes: " + ", ".join(node.name for node in of_role))
