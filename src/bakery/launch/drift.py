"""A cluster file that changed under a running cluster: what only new droplets get, what cannot be done. Pure."""

from collections.abc import Iterable, Iterator

from bakery.cloud.model import Droplet, Image
from bakery.launch.marks import role_of_tag
from bakery.plan.model import ClusterPlan, Node
from bakery.plan.slots import slot_of

LATER = "takes effect on new droplets; to replace one: bakery destroy --node NAME, then bakery launch"


def differences(plan: ClusterPlan, kept: Iterable[Droplet], image: Image | None) -> tuple[str, ...]:
    """How running droplets differ from what the plan and ``image`` would make of them, one line per difference."""
    nodes = {node.slot: node for node in plan.nodes}
    droplets = tuple(kept)
    sizes: dict[tuple[str, str], list[str]] = {}
    for droplet in droplets:
        wanted = nodes[slot_of(droplet, plan.cluster)].size
        if droplet.size != wanted:
            sizes.setdefault((droplet.size, wanted), []).append(droplet.name)
    lines = [f"{', '.join(names)}: size {now}, the file says {wanted}" for (now, wanted), names in sizes.items()]
    old = [d.name for d in droplets if image is not None and d.image_id not in (None, image.id)]
    if old and image is not None:
        lines.append(f"{', '.join(old)}: made from another snapshot than {image.name}")
    return tuple(lines)


def obstacles(plan: ClusterPlan, droplets: Iterable[Droplet]) -> Iterator[str]:
    """What no launch can change while these droplets of the cluster exist."""
    members = tuple(droplets)
    for region in sorted({droplet.region for droplet in members} - {plan.region}):
        names = ", ".join(droplet.name for droplet in members if droplet.region == region)
        yield f"{names}: in region {region}, the file says {plan.region}; droplets and networks cannot move"
    yield from _fewer(plan, members, "Consul", plan.consul_servers)
    yield from _fewer(plan, members, "Nomad", plan.nomad_servers)


def _fewer(
    plan: ClusterPlan, members: Iterable[Droplet], product: str, servers: tuple[Node, ...]
) -> Iterator[str]:
    roles, slots = {node.role for node in servers}, {node.slot for node in servers}
    of_roles = (d for d in members if role_of_tag(d.tags, plan.cluster) in roles)
    beyond = [droplet.name for droplet in of_roles if slot_of(droplet, plan.cluster) not in slots]
    if beyond:
        yield (
            f"the file says {len(servers)} {product} servers, and {', '.join(beyond)} run beyond them;"
            " destroy those first, one by one: bakery destroy --node NAME"
        )
