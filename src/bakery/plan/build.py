"""Build the plan from the checked cluster file; pure."""

from collections.abc import Mapping
from dataclasses import replace

from bakery.config.defaults import MAX_COUNT
from bakery.config.findings import name_hint
from bakery.config.model import ClientIntroduction, ClusterConfig, ReservedIp, Role
from bakery.config.networks import capacity
from bakery.errors import PlanError
from bakery.plan.firewall import firewall_of
from bakery.plan.model import ClusterPlan, Node, Wave
from bakery.plan.tags import cluster_tag, ingress_tag, role_tag, slot_tag


def build_plan(config: ClusterConfig, *, counts: Mapping[str, int] | None = None) -> ClusterPlan:
    """Return the plan of the cluster.

    ``counts`` overrides the file's count of some client roles for this run. Server roles always have the file's
    count, because ``bootstrap_expect`` must not change. A lower count gives a plan with fewer nodes; it removes no
    droplet. ``consul_expect`` and ``nomad_expect`` come from the file and do not depend on ``counts``.

    Raises:
        PlanError: ``counts`` names an unknown role, changes the number of servers, is out of range, or asks for
            more droplets than the VPC has room for.
    """
    wanted = dict(counts or {})
    for name, count in wanted.items():
        _check_count(config, name, count)
    roles = tuple(replace(role, count=wanted.get(role.name, role.count)) for role in config.roles)
    _check_room(config, roles)
    _check_ingress(config, roles)
    return ClusterPlan(
        cluster=config.cluster,
        region=config.region,
        vpc_name=f"bakery-{config.cluster}",
        vpc_cidr=config.vpc_cidr,
        image_base=config.image.base,
        consul_version=config.image.consul,
        nomad_version=config.image.nomad,
        nodes=_nodes(config.cluster, roles),
        firewalls=tuple(firewall_of(config, role) for role in roles),
        consul_expect=sum(role.count for role in config.roles if role.kind.is_consul_server),
        nomad_expect=sum(role.count for role in config.roles if role.kind.is_nomad_server),
        ssh_keys=config.access.ssh_keys,
        leaf_days=config.security.leaf_days,
        warnings=config.warnings,
        docker=config.docker,
        ingress=config.ingress,
        mesh=config.mesh,
        introduces_clients=config.security.client_introduction is ClientIntroduction.STRICT,
    )


def _check_count(config: ClusterConfig, name: str, count: int) -> None:
    role = next((role for role in config.roles if role.name == name), None)
    if role is None:
        message = f"cluster {config.cluster} has no role {name}"
        raise PlanError(message=message, hint=name_hint(name, [role.name for role in config.roles]))
    if role.kind.is_any_server and count != role.count:
        message = (
            f"role {name} runs servers, whose number is set in the cluster file ({role.count}), not by --count"
            f" {count}"
        )
        hint = f"leave --count out, or set roles.{name}.count in {config.path} before the first launch"
        raise PlanError(message=message, hint=hint)
    if not 0 <= count <= MAX_COUNT:
        message = f"the count of role {name} must be from 0 to {MAX_COUNT}, not {count}"
        raise PlanError(message=message)


def _check_room(config: ClusterConfig, roles: tuple[Role, ...]) -> None:
    droplets, room = sum(role.count for role in roles), capacity(config.vpc_cidr)
    if droplets > room:
        message = f"the VPC {config.vpc_cidr} has room for {room} droplets, the roles ask for {droplets}"
        raise PlanError(
            message=message, hint="a VPC cannot grow: lower the counts, or plan a new cluster with a larger one"
        )


def _check_ingress(config: ClusterConfig, roles: tuple[Role, ...]) -> None:
    """Check what the cluster file's own counts are checked for already (:mod:`bakery.config.ingress`)."""
    nodes, ingress = sum(role.count for role in roles if role.kind.is_ingress), config.ingress
    for key, needs_one in (
        ("acme_email", bool(ingress.acme_email)),
        ("reserved_ip", ingress.reserved_ip is ReservedIp.AUTO),
    ):
        if needs_one and nodes > 1:
            message = f"ingress.{key} of the cluster file allows one ingress node, not {nodes}"
            hint = f"leave --count out, or put a load balancer in front: ingress.load_balancer in {config.path}"
            raise PlanError(message=message, hint=hint)


def _nodes(cluster: str, roles: tuple[Role, ...]) -> tuple[Node, ...]:
    members = [(role, index) for role in roles for index in range(1, role.count + 1)]
    first_consul = next((member for member in members if member[0].kind.is_consul_server), None)
    nodes = (
        _node(cluster, role, index, Wave.FIRST_SERVER if (role, index) == first_consul else Wave.REST)
        for role, index in members
    )
    return tuple(sorted(nodes, key=lambda node: (node.wave, not node.kind.is_any_server)))


def _node(cluster: str, role: Role, index: int, wave: Wave) -> Node:
    slot = f"{cluster}-{role.name}-{index}"
    ingress = (ingress_tag(cluster),) if role.kind.is_ingress else ()
    return Node(
        slot=slot,
        name=slot,
        role=role.name,
        kind=role.kind,
        size=role.size,
        node_pool=role.node_pool,
        wave=wave,
        tags=(cluster_tag(cluster), role_tag(cluster, role.name), slot_tag(cluster, slot), *ingress),
        settings=role.settings,
    )
