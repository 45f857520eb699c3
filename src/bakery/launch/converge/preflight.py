"""Finds every obstacle of a launch before the first change. Pure, except for :func:`survey`."""

from collections.abc import Iterable, Iterator
from functools import partial
from ipaddress import IPv4Network

from bakery.cloud.interface import Cloud
from bakery.cloud.model import Droplet, Image, SshKey, Vpc, has_metadata
from bakery.cloud.together import start_read
from bakery.config.findings import nearest
from bakery.config.networks import capacity, free_range
from bakery.console import counted
from bakery.errors import CredentialsError, ExitCode
from bakery.hints import Command
from bakery.launch.base.journal import Journal
from bakery.launch.base.model import Changes, Obstacle, Present
from bakery.launch.converge.drift import obstacles as drift_obstacles
from bakery.launch.converge.formed import lost_data
from bakery.launch.converge.preflight_image import image_obstacles
from bakery.launch.converge.preflight_sizes import size_obstacles
from bakery.launch.converge.unfinished import unfinished_obstacles
from bakery.plan.model import ClusterPlan
from bakery.plan.slots import slot_of
from bakery.plan.tags import authorities_of, ca_tag, cluster_tag, generation_of

DROPLET_LIMIT = "droplet_limit"
"""Code of the obstacle."""


def survey(cloud: Cloud, cluster: str, *, at_once: bool = True) -> Present:
    """Read the account, in at most nine requests; in ten if the cluster has droplets.

    They are sent at the same time, or one after another if ``at_once`` is False.
    """
    start = partial(start_read, at_once=at_once)
    listed = start(lambda: cloud.list_droplets(tag=cluster_tag(cluster)))
    account, regions, sizes = start(cloud.get_account), start(cloud.list_regions), start(cloud.list_sizes)
    count, vpcs, firewalls = start(cloud.count_droplets), start(cloud.list_vpcs), start(cloud.list_firewalls)
    keys, tags = start(cloud.list_ssh_keys), start(cloud.list_tags)
    droplets = listed.result()
    vpc_id = next((droplet.vpc_id for droplet in droplets if droplet.vpc_id), None)
    return Present(
        account=account.result(),
        regions=regions.result(),
        sizes=sizes.result(),
        droplets=droplets,
        account_droplets=count.result(),
        vpc_members=cloud.count_vpc_members(vpc_id) if vpc_id else 0,
        vpcs=vpcs.result(),
        firewalls=firewalls.result(),
        ssh_keys=keys.result(),
        tags=tags.result(),
    )


def check_trust(
    droplets: Iterable[Droplet], cluster: str, fingerprint: str | None, generation: int | None = None
) -> None:
    """Refuse droplets whose secrets are not those of the credentials here, nor older ones of the same bundle.

    ``fingerprint`` is that of the CAs, in hexadecimal digits; None if there are no credentials. Call this before
    making credentials: a running cluster must never get a second CA. ``generation`` is that of the bundle.

    Raises:
        CredentialsError: there are droplets, and the credentials are missing, have another CA, or are older.
    """
    for obstacle in trust_obstacles(tuple(droplets), cluster, fingerprint, generation):
        raise CredentialsError(message=obstacle.message, details=obstacle.details, hint=obstacle.hint)


def trust_obstacles(
    existing: tuple[Droplet, ...], cluster: str, fingerprint: str | None, generation: int | None = None
) -> Iterator[Obstacle]:
    """Yield the obstacles that :func:`check_trust` raises."""
    hint = "bring back the credentials bundle of this cluster (.bakery/ beside its cluster file)"
    if existing and fingerprint is None:
        message = f"cluster {cluster} has {counted(len(existing), 'droplet')}, but its credentials are not here"
        yield Obstacle(code="credentials_lost", message=message, hint=hint, exit_code=ExitCode.CREDENTIALS)
        return
    strange = authorities_of(existing, cluster) - {ca_tag(cluster, fingerprint or "")}
    if strange:
        names = ", ".join(sorted(d.name for d in existing if strange & set(d.tags)))
        yield Obstacle(
            code="credentials_foreign",
            message=f"the credentials here are not those of cluster {cluster}",
            details=f"another CA made the certificates of {names}",
            hint=hint,
            exit_code=ExitCode.CREDENTIALS,
        )
    newer = [d for d in existing if generation_of(d.tags, cluster) > generation] if generation is not None else []
    if newer:
        latest = max(generation_of(droplet.tags, cluster) for droplet in newer)
        names = ", ".join(sorted(droplet.name for droplet in newer))
        yield Obstacle(
            code="credentials_old",
            message=f"the credentials here are of generation {generation}, and cluster {cluster} has {latest}",
            details=f"secrets of a later generation are on {names}",
            hint="bring back the newest copy of the credentials bundle: an older one locks its nodes out",
            exit_code=ExitCode.CREDENTIALS,
        )


def find_obstacles(
    plan: ClusterPlan,
    present: Present,
    changes: Changes,
    journal: Journal,
    *,
    image: Image | None,
    only_role: str | None,
) -> tuple[Obstacle, ...]:
    """Return the obstacles in account, region, sizes, snapshot, VPC and keys. Credentials are not checked."""
    found = [
        *_role(plan, changes, only_role),
        *lost_data(plan, present, changes, journal),
        *drift_obstacles(plan, present.droplets),
        *unfinished_obstacles(plan.cluster, present.droplets, journal),
        *_account(present, changes),
        *_vpc(plan, present, changes),
    ]
    if changes.new_nodes:
        found += [*_places(plan, present, changes, image), *_keys(plan, present)]
    return tuple(found)


def _places(plan: ClusterPlan, present: Present, changes: Changes, image: Image | None) -> tuple[Obstacle, ...]:
    """Check region, sizes and snapshot of new droplets. An unknown region has neither sizes nor snapshots."""
    region = tuple(_region(plan, present))
    if any(obstacle.code == "region_unknown" for obstacle in region):
        return region
    bakes = has_metadata(present.regions, plan.region)
    sizes = size_obstacles(plan, present.sizes, changes.new_nodes, image)
    return (*region, *sizes, *image_obstacles(plan, image, bakes=bakes))


def _role(plan: ClusterPlan, changes: Changes, only_role: str | None) -> Iterator[Obstacle]:
    """Check ``only_role``: its nodes need a Consul server that already exists."""
    if only_role is None:
        return
    kinds = {node.kind for node in plan.nodes if node.role == only_role}
    if not kinds:
        roles = ", ".join(dict.fromkeys(node.role for node in plan.nodes))
        message = f"the cluster has no nodes of a role {only_role!r}"
        yield Obstacle(code="role_unknown", message=message, hint=f"its roles: {roles}")
        return
    servers = {node.slot for node in plan.consul_servers}
    unchanged = (d for d in changes.unchanged if slot_of(d, plan.cluster) in servers)
    live = any(droplet.status == "active" and droplet.private_ipv4 for droplet in unchanged)
    if live or any(kind.is_consul_server for kind in kinds):
        return
    first = next((node.role for node in plan.consul_servers), "consul-server")
    message = f"{only_role} needs a live Consul server to join, and cluster {plan.cluster} has none"
    yield Obstacle(code="no_consul_server", message=message, hint=Command("launch", "--role", first))


def _account(present: Present, changes: Changes) -> Iterator[Obstacle]:
    account = present.account
    if account.status == "locked":
        hint = "https://cloud.digitalocean.com/ says why; DigitalOcean's support unlocks it"
        yield Obstacle(code="account_locked", message="the DigitalOcean account is locked", hint=hint)
    after = present.account_droplets + _more(changes)
    if changes.new_nodes and after > account.droplet_limit:
        message = f"the account would have {counted(after, 'droplet')}, and may have {account.droplet_limit}"
        hint = "lower the counts, remove other droplets, or ask DigitalOcean for a higher droplet limit"
        yield Obstacle(code=DROPLET_LIMIT, message=message, hint=hint)


def _more(changes: Changes) -> int:
    """Return how many droplets more there will be."""
    return len(changes.new_nodes) - len(changes.replaced)


def _room(present: Present, changes: Changes, vpc: Vpc) -> Iterator[Obstacle]:
    room = capacity(IPv4Network(vpc.ip_range, strict=False))
    if not changes.new_nodes or present.vpc_members + _more(changes) <= room:
        return
    taken = f"{present.vpc_members} of its {room} addresses are taken, and {_more(changes)} more would be needed"
    hint = "remove what is not needed from the VPC, or launch a new cluster with a larger vpc.cidr"
    yield Obstacle(code="vpc_full", message=f"VPC {vpc.name} ({vpc.ip_range}) is full: {taken}", hint=hint)


def _region(plan: ClusterPlan, present: Present) -> Iterator[Obstacle]:
    region = next((region for region in present.regions if region.slug == plan.region), None)
    slugs = sorted(region.slug for region in present.regions if region.available)
    others = f"set region to one that takes droplets: {', '.join(slugs)}"
    if region is None:
        guess = nearest(plan.region, slugs)
        hint = f"did you mean {guess}? {others}" if guess else others
        message = f"DigitalOcean has no region {plan.region!r}"
        yield Obstacle(code="region_unknown", message=message, hint=hint)
    elif not region.available:
        message = f"region {plan.region} takes no new droplets at present"
        yield Obstacle(code="region_closed", message=message, hint=f"try again later, or {others}")


def _vpc(plan: ClusterPlan, present: Present, changes: Changes) -> Iterator[Obstacle]:
    if changes.vpc is not None:
        if changes.vpc.ip_range != str(plan.vpc_cidr):
            ranges = f"has the range {changes.vpc.ip_range}, the plan says {plan.vpc_cidr}"
            yield Obstacle(
                code="vpc_range_changed",
                message=f"VPC {plan.vpc_name} {ranges}; a range cannot be changed",
                hint=f"set vpc.cidr: {changes.vpc.ip_range} again",
            )
        yield from _room(present, changes, changes.vpc)
        return
    moved = any(droplet.region != plan.region for droplet in present.droplets)
    for vpc in present.vpcs:
        if vpc.name == plan.vpc_name:
            if moved:  # the obstacle region_changed says so
                continue
            message = f"VPC {vpc.name} is in region {vpc.region}, the plan says {plan.region}"
            hint = f"set region: {vpc.region}, or launch a new cluster under another name"
            yield Obstacle(code="vpc_in_other_region", message=message, hint=hint)
        elif IPv4Network(vpc.ip_range, strict=False).overlaps(plan.vpc_cidr):
            message = f"VPC range {plan.vpc_cidr} overlaps {vpc.ip_range} of VPC {vpc.name} in {vpc.region}"
            yield Obstacle(code="vpc_overlap", message=message, hint=_other_range(plan, present.vpcs))


def _other_range(plan: ClusterPlan, vpcs: Iterable[Vpc]) -> str:
    taken = [IPv4Network(vpc.ip_range, strict=False) for vpc in vpcs]
    free = free_range(taken, prefix=plan.vpc_cidr.prefixlen)
    if free is None:
        return "remove a VPC that is not used, or set vpc.cidr to a smaller network"
    return f"set vpc.cidr: {free}, which no VPC of the account uses"


def ssh_key_ids(plan: ClusterPlan, present: Present) -> tuple[int, ...]:
    """Return the ids of the SSH keys that the cluster file names."""
    return tuple(key.id for key in present.ssh_keys if any(_is_key(key, wanted) for wanted in plan.ssh_keys))


def _keys(plan: ClusterPlan, present: Present) -> Iterator[Obstacle]:
    hint = "add the key to the account, or remove it from access.ssh_keys"
    for wanted in plan.ssh_keys:
        if not any(_is_key(key, wanted) for key in present.ssh_keys):
            yield Obstacle(code="ssh_key_unknown", message=f"no SSH key {wanted!r} in the account", hint=hint)


def _is_key(key: SshKey, wanted: str) -> bool:
    return wanted in (key.name, str(key.id), key.fingerprint)
