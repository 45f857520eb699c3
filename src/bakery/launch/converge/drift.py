"""Compares a changed cluster file with running droplets: differences and obstacles. Pure."""

from collections.abc import Iterable, Iterator, Sequence

from bakery.cloud.model import Droplet, Image, Size
from bakery.console import counted
from bakery.hints import Command, Hint, Text, joined
from bakery.launch.base.model import Obstacle
from bakery.launch.converge.preflight_image import image_obstacles
from bakery.launch.converge.preflight_sizes import size_obstacles
from bakery.plan.model import ClusterPlan, Node
from bakery.plan.slots import in_plan_order, slot_of
from bakery.plan.tags import config_of, role_of_tag
from bakery.render.digest import config_digest

_REPLACE = Hint("only new droplets get this; to replace these one by one: ", Command("roll"))

MOST_NAMED = 3
DIFFERENT = "configured differently from a new droplet"
"""By the cluster file or by another version of bakery: agents, host firewall or files of the user-data."""


def is_configured_differently(plan: ClusterPlan, node: Node, droplet: Droplet) -> bool:
    """Return whether a new droplet would be configured differently.

    False for a droplet of a bakery that did not record the configuration in a tag.
    """
    recorded = config_of(droplet.tags, plan.cluster)
    return recorded is not None and recorded != config_digest(plan, node)


def differences(
    plan: ClusterPlan, running: Iterable[Droplet], known: Sequence[Size], image: Image | None
) -> tuple[Text, ...]:
    """Describe how running droplets differ from new ones of the same plan, one line per difference.

    ``image`` is the snapshot of the file's versions; None if there is none. ``known`` are DigitalOcean's sizes.
    Each line says how to replace the droplets, or what to fix before that.
    """
    nodes = {node.slot: node for node in plan.nodes}
    droplets = in_plan_order(plan, running)
    sizes: dict[tuple[str, str], list[str]] = {}
    for droplet in droplets:
        wanted = nodes[slot_of(droplet, plan.cluster)].size
        if droplet.size != wanted:
            sizes.setdefault((droplet.size, wanted), []).append(droplet.name)
    others = [
        droplet.name
        for droplet in droplets
        if is_configured_differently(plan, nodes[slot_of(droplet, plan.cluster)], droplet)
    ]
    by_name = {droplet.name: nodes[slot_of(droplet, plan.cluster)] for droplet in droplets}

    def advice(names: Iterable[str], *, of_snapshot: bool = False) -> Text:
        if of_snapshot and image is None:
            return "do that before you replace a node"
        wanted = tuple(by_name[name] for name in names)
        found = (*size_obstacles(plan, known, wanted, image), *image_obstacles(plan, image))
        reasons = joined("; ", (Hint(f"{obstacle.message} (", obstacle.hint, ")") for obstacle in found))
        return Hint("fix this before you replace a node: ", reasons) if found else _REPLACE

    return (
        *(
            Hint(f"{named(names)}: size {now}, the file says {wanted}; ", advice(names))
            for (now, wanted), names in sizes.items()
        ),
        *((Hint(f"{named(others)}: {DIFFERENT}; ", advice(others)),) if others else ()),
        *(
            Hint(f"{named(names)}: ", text, "; ", advice(names, of_snapshot=True))
            for text, names in snapshot_differences(plan, droplets, image).items()
        ),
    )


def named(names: Sequence[str]) -> str:
    """Return the names; of more than three only the number. ``roll --dry-run`` and ``status`` list them."""
    return ", ".join(names) if len(names) <= MOST_NAMED else counted(len(names), "droplet")


def snapshot_differences(
    plan: ClusterPlan, droplets: Iterable[Droplet], image: Image | None
) -> dict[Text, list[str]]:
    """Group the droplets that run another snapshot than ``image`` by a description of the difference."""
    asked: Text = f"the file asks for {image.name} (id {image.id})" if image is not None else _not_baked(plan)
    found: dict[Text, list[str]] = {}
    for droplet in droplets:
        if droplet.image_id is not None and (image is None or droplet.image_id != image.id):
            text = Hint(f"made from snapshot {_snapshot(droplet, image)}; ", asked)
            found.setdefault(text, []).append(droplet.name)
    return found


def _snapshot(droplet: Droplet, asked: Image | None) -> str:
    """Return the name of the droplet's snapshot; its id if the name is unknown or that of ``asked``."""
    known = droplet.image_name and (asked is None or droplet.image_name != asked.name)
    return droplet.image_name if known else f"{droplet.image_id}"


def _not_baked(plan: ClusterPlan) -> Text:
    versions = f"consul {plan.consul_version} and nomad {plan.nomad_version} on {plan.image_base}"
    return Hint(
        f"the file asks for {versions}, and there is no snapshot with these versions yet (",
        Command("build-image"),
        ")",
    )


def obstacles(plan: ClusterPlan, droplets: Iterable[Droplet]) -> Iterator[Obstacle]:
    """Yield what the file asks for and a launch cannot do while these droplets exist."""
    members = in_plan_order(plan, droplets)
    for region in sorted({droplet.region for droplet in members} - {plan.region}):
        names = named([droplet.name for droplet in members if droplet.region == region])
        yield Obstacle(
            code="region_changed",
            message=f"{names}: in region {region}, the file says {plan.region}; droplets and networks cannot move",
            hint=f"set region: {region} again, or launch a new cluster under another name",
        )
    yield from _fewer(plan, members, "Consul", plan.consul_servers)
    yield from _fewer(plan, members, "Nomad", plan.nomad_servers)


def _fewer(
    plan: ClusterPlan, members: Iterable[Droplet], product: str, servers: tuple[Node, ...]
) -> Iterator[Obstacle]:
    roles, slots = {node.role for node in servers}, {node.slot for node in servers}
    of_roles = (d for d in members if role_of_tag(d.tags, plan.cluster) in roles)
    found = [droplet for droplet in of_roles if slot_of(droplet, plan.cluster) not in slots]
    beyond = [droplet.name for droplet in found]
    if beyond:
        fewer = dict.fromkeys(role_of_tag(droplet.tags, plan.cluster) or "" for droplet in found)
        counts = [f"{role}={sum(node.role == role for node in servers)}" for role in fewer]
        wanted = counted(len(servers), f"{product} server")
        run = "runs" if len(beyond) == 1 else "run"
        yield Obstacle(
            code="fewer_servers",
            message=f"the file says {wanted}, but {', '.join(beyond)} {run} too",
            hint=Hint("remove them first: ", Command("scale", *counts)),
        )
