"""Everything that can be known to fail, found before anything is made. Pure but for :func:`survey`."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network

from bakery.cloud.interface import Cloud
from bakery.cloud.model import Droplet, Image, Size, SshKey
from bakery.errors import CredentialsError, UsageError
from bakery.launch.drift import obstacles as in_the_way
from bakery.launch.marks import authorities_of
from bakery.launch.model import Changes, Present
from bakery.plan.model import ClusterPlan
from bakery.plan.slots import slot_of
from bakery.plan.tags import ca_tag, cluster_tag


def survey(cloud: Cloud, cluster: str) -> Present:
    """What the account holds, in eight requests."""
    return Present(
        account=cloud.get_account(),
        regions=cloud.list_regions(),
        sizes=cloud.list_sizes(),
        droplets=cloud.list_droplets(tag=cluster_tag(cluster)),
        vpcs=cloud.list_vpcs(),
        firewalls=cloud.list_firewalls(),
        ssh_keys=cloud.list_ssh_keys(),
        tags=cloud.list_tags(),
    )


def check_trust(droplets: Iterable[Droplet], cluster: str, fingerprint: str | None) -> None:
    """Refuse to work on droplets whose certificates come from another CA than the bundle's.

    ``fingerprint`` is the Consul CA's in hex, None if there is no bundle: call this before making one.

    Raises:
        CredentialsError: never make a second CA for a cluster that runs.
    """
    existing = tuple(droplets)
    hint = "bring back the credentials bundle of this cluster (.bakery/ beside its cluster file)"
    if existing and fingerprint is None:
        brief = f"cluster {cluster} has {len(existing)} droplets, but its credentials are not here"
        raise CredentialsError(brief, hint=hint)
    strange = authorities_of(existing, cluster) - {ca_tag(cluster, fingerprint or "")}
    if strange:
        names = ", ".join(sorted(d.name for d in existing if strange & set(d.tags)))
        brief = f"the credentials here are not those of cluster {cluster}"
        raise CredentialsError(brief, f"another CA made the certificates of {names}", hint)


def check_servers(plan: ClusterPlan, changes: Changes, only_role: str | None) -> None:
    """With ``only_role``: its nodes need a Consul server that is already there.

    Raises:
        UsageError: no such role, or no live Consul server; the hint is the command to run first.
    """
    if only_role is None:
        return
    kinds = {node.kind for node in plan.nodes if node.role == only_role}
    if not kinds:
        roles = ", ".join(dict.fromkeys(node.role for node in plan.nodes))
        brief = f"the cluster has no nodes of a role {only_role!r}"
        raise UsageError(brief, hint=f"its roles: {roles}")
    servers = {node.slot for node in plan.consul_servers}
    kept = (d for d in changes.kept if slot_of(d, plan.cluster) in servers)
    live = any(droplet.status == "active" and droplet.private_ipv4 for droplet in kept)
    if live or any(kind.is_consul_server for kind in kinds):
        return
    first = next((node.role for node in plan.consul_servers), "consul-server")
    brief = f"{only_role} needs a live Consul server to join, and cluster {plan.cluster} has none"
    raise UsageError(brief, hint=f"bakery launch --role {first}")


def check_room(plan: ClusterPlan, present: Present, changes: Changes, image: Image) -> None:
    """The account, region, sizes, snapshot, VPC and keys allow the changes.

    Raises:
        UsageError: with every obstacle.
    """
    obstacles = [
        *in_the_way(plan, present.droplets),
        *_account(present, changes),
        *_vpc(plan, present, changes),
    ]
    if changes.new_nodes:
        obstacles += [*_region(plan, present), *_sizes(plan, present, changes, image), *_image(plan, image)]
        obstacles += [f"no SSH key {wanted!r} in the account" for wanted in _missing_keys(plan, present)]
    if obstacles:
        several = f"{len(obstacles)} things stand in the way of the launch"
        brief = obstacles[0] if len(obstacles) == 1 else several
        details = None if len(obstacles) == 1 else "\n".join(obstacles)
        hint = "nothing was made; change the cluster file or the account, then run it again"
        raise UsageError(brief, details, hint)


def _account(present: Present, changes: Changes) -> Iterator[str]:
    account = present.account
    if account.status == "locked":
        yield "the DigitalOcean account is locked"
    after = len(present.droplets) - len(changes.replaced) + len(changes.new_nodes)
    if changes.new_nodes and after > account.droplet_limit:
        yield f"the cluster would have {after} droplets, the account may have {account.droplet_limit}"


def _region(plan: ClusterPlan, present: Present) -> Iterator[str]:
    region = next((region for region in present.regions if region.slug == plan.region), None)
    if region is None:
        known = ", ".join(sorted(region.slug for region in present.regions if region.available))
        yield f"DigitalOcean has no region {plan.region!r} (it has {known})"
    elif not region.available:
        yield f"region {plan.region} takes no new droplets at present"


def _sizes(plan: ClusterPlan, present: Present, changes: Changes, image: Image) -> Iterator[str]:
    by_slug = {size.slug: size for size in present.sizes}
    for slug in dict.fromkeys(node.size for node in changes.new_nodes):
        size = by_slug.get(slug)
        obstacle = f"DigitalOcean has no size {slug!r}" if size is None else _size(size, plan.region, image)
        if obstacle:
            yield obstacle


def _size(size: Size, region: str, image: Image) -> str | None:
    if not size.available or region not in size.regions:
        return f"size {size.slug} is not to be had in region {region}"
    if size.disk < image.min_disk_size:
        return (
            f"size {size.slug} has a disk of {size.disk} GB, snapshot {image.name} needs {image.min_disk_size} GB"
        )
    return None


def _image(plan: ClusterPlan, image: Image) -> Iterator[str]:
    if image.status.lower() != "available":
        yield f"snapshot {image.name} is {image.status}, not available"
    elif plan.region not in image.regions:
        yield f"snapshot {image.name} is not in region {plan.region} (it is in {', '.join(image.regions)})"


def _vpc(plan: ClusterPlan, present: Present, changes: Changes) -> Iterator[str]:
    if changes.vpc is not None:
        if changes.vpc.ip_range != str(plan.vpc_cidr):
            ranges = f"has the range {changes.vpc.ip_range}, the plan says {plan.vpc_cidr}"
            yield f"VPC {plan.vpc_name} {ranges}; a range cannot be changed"
        return
    for vpc in present.vpcs:
        if vpc.name == plan.vpc_name:
            yield f"VPC {vpc.name} is in region {vpc.region}, the plan says {plan.region}"
        elif IPv4Network(vpc.ip_range, strict=False).overlaps(plan.vpc_cidr):
            yield f"VPC range {plan.vpc_cidr} overlaps {vpc.ip_range} of VPC {vpc.name} in {vpc.region}"


def ssh_key_ids(plan: ClusterPlan, present: Present) -> tuple[int, ...]:
    """Ids of the break-glass keys of the cluster file."""
    return tuple(key.id for key in present.ssh_keys if any(_is_key(key, wanted) for wanted in plan.ssh_keys))


def _missing_keys(plan: ClusterPlan, present: Present) -> list[str]:
    return [wanted for wanted in plan.ssh_keys if not any(_is_key(key, wanted) for key in present.ssh_keys)]


def _is_key(key: SshKey, wanted: str) -> bool:
    return wanted in (key.name, str(key.id), key.fingerprint)
