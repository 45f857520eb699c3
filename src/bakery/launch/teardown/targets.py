"""Find the resources of a cluster, and those that only look like them. A name alone does not prove ownership.

A droplet belongs to the cluster by its tag. A VPC, a firewall, a load balancer, its certificate or an SSH key must
have the right name *and* be known: by its id in the journal, or by a launch id that is in the journal or in a tag
of the account. A reserved IP has no name: a tag of the account, or the journal, has its address.
"""

from collections.abc import Iterable, Sequence

from bakery.cloud.model import Certificate, Droplet, Firewall, Image, LoadBalancer, ReservedIp, SshKey, Vpc
from bakery.launch.base.journal_content import RESERVED_IP, Journal
from bakery.launch.base.model import DestroyRequest, NotRemoved, Targets
from bakery.launch.base.ownership import (
    launch_of_balancer,
    launch_of_firewall,
    launch_of_key,
    launch_of_vpc,
)
from bakery.launch.base.session import Session
from bakery.launch.base.ways_in import may_have_balancer, own_addresses
from bakery.plan.model import ClusterPlan
from bakery.plan.slots import slot_of
from bakery.plan.tags import is_cluster_tag, launches_in, launches_of, role_of_tag
from bakery.plan.ways_in import reserved_slot


def find_targets(session: Session, request: DestroyRequest, droplets: tuple[Droplet, ...]) -> Targets:
    """Return every resource of the cluster, including its ``droplets``."""
    cloud, plan = session.cloud, request.plan
    tags = cloud.list_tags()
    sorter = _Sorter(plan, session.journal.now, droplets, tags)
    images = cloud.list_images(tag=request.snapshot_tag) if request.snapshot_tag else ()
    used = _used_by_others(session, images, droplets) if request.snapshots else {}
    free = tuple(image for image in images if image.id not in used) if request.snapshots else ()
    shared = [_shared_snapshot(image, used.get(image.id, ())) for image in images if image not in free]
    firewalls = tuple(firewall for firewall in cloud.list_firewalls() if sorter.owns_firewall(firewall))
    vpcs = tuple(vpc for vpc in cloud.list_vpcs() if sorter.owns_vpc(vpc))
    balancers, certificates, reserved = _ways_in(session, plan, sorter, tags)
    keys = tuple(key for key in cloud.list_ssh_keys() if sorter.owns_key(key))
    return Targets(
        droplets=droplets,
        firewalls=firewalls,
        balancers=balancers,
        certificates=certificates,
        reserved_ips=reserved,
        vpcs=vpcs,
        ssh_keys=keys,
        tags=tuple(tag for tag in tags if is_cluster_tag(tag, plan.cluster)),
        snapshots=free,
        not_removed=(*sorter.not_removed, *shared),
    )


def _ways_in(
    session: Session, plan: ClusterPlan, sorter: "_Sorter", tags: Sequence[str]
) -> tuple[tuple[LoadBalancer, ...], tuple[Certificate, ...], tuple[ReservedIp, ...]]:
    """Return the ways in. Lists that the cluster cannot be in are not read: the token may lack their scopes."""
    cloud, journal = session.cloud, session.journal.now
    balancers: tuple[LoadBalancer, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    reserved: tuple[ReservedIp, ...] = ()
    if may_have_balancer(plan.cluster, tags, journal):
        balancers, certificates = cloud.list_load_balancers(), cloud.list_certificates()
    if (
        reserved_slot(plan) is not None
        or journal.request(RESERVED_IP)
        or own_addresses(plan.cluster, tags, journal)
    ):
        reserved = cloud.list_reserved_ips()
    return (
        tuple(each for each in balancers if sorter.owns_balancer(each)),
        tuple(each for each in certificates if sorter.owns_certificate(each)),
        tuple(each for each in reserved if sorter.owns_reserved_ip(each)),
    )


def _used_by_others(
    session: Session, images: Sequence[Image], droplets: tuple[Droplet, ...]
) -> dict[int, tuple[str, ...]]:
    """Return the names of the other droplets that run from one of ``images``, by the id of the image."""
    ids, ours = {image.id for image in images}, {droplet.id for droplet in droplets}
    others = [d for d in session.cloud.list_droplets() if d.id not in ours] if ids else []
    found = {number: tuple(d.name for d in others if d.image_id == number) for number in ids}
    return {number: names for number, names in found.items() if names}


def _shared_snapshot(image: Image, used_by: tuple[str, ...]) -> NotRemoved:
    reason = "other clusters may boot from it"
    if used_by:
        reason = f"droplets of another cluster run from it: {', '.join(used_by)}"
    return NotRemoved(kind="snapshot", name=image.name, reason=reason)


def _with_requested_ip(plan: ClusterPlan, journal: Journal, droplets: Iterable[Droplet]) -> set[int]:
    """Return the id of the droplet for which a launch requested a reserved IP and died before it marked it."""
    slots = {node.slot for node in plan.ingress_nodes[:1]} if journal.request(RESERVED_IP) else set()
    return {droplet.id for droplet in droplets if slot_of(droplet, plan.cluster) in slots}


class _Sorter:
    """Decides whether a resource is the cluster's, and collects those that only look like it."""

    def __init__(
        self, plan: ClusterPlan, journal: Journal, droplets: tuple[Droplet, ...], tags: Sequence[str]
    ) -> None:
        self._plan = plan
        self._journal = journal
        self._launches = (
            set(journal.launches) | launches_of(droplets, plan.cluster) | launches_in(tags, plan.cluster)
        )
        self._addresses = own_addresses(plan.cluster, tags, journal)
        self._droplet_ids = {droplet.id for droplet in droplets}
        self._requested_for = _with_requested_ip(plan, journal, droplets)
        self.not_removed: list[NotRemoved] = []

    def owns_firewall(self, firewall: Firewall) -> bool:
        """Whether a launch of this cluster created the firewall."""
        role = role_of_tag(firewall.tags, self._plan.cluster)
        planned = {f.name for f in self._plan.firewalls if (f.tag,) == firewall.tags}
        # A role that is no longer in the cluster file: bakery.plan.firewall gave its firewall this name.
        names = planned or ({f"{self._plan.cluster}-{role}"} if role and len(firewall.tags) == 1 else set())
        launch = launch_of_firewall(firewall.name, names)
        return launch is not None and self._is_known(
            "firewall", firewall.name, known=firewall.id in self._journal.firewall_ids, launch=launch
        )

    def owns_vpc(self, vpc: Vpc) -> bool:
        """Whether a launch of this cluster created the VPC, and it can be deleted."""
        if vpc.name != self._plan.vpc_name:
            return False
        launch = launch_of_vpc(vpc.description, self._plan.cluster)
        if not self._is_known("vpc", vpc.name, known=vpc.id == self._journal.vpc_id, launch=launch):
            return False
        if vpc.default:
            self._skip("vpc", vpc.name, f"it is the default VPC of {vpc.region}, which cannot be deleted")
        return not vpc.default

    def owns_balancer(self, balancer: LoadBalancer) -> bool:
        """Whether a launch of this cluster created the load balancer."""
        launch = launch_of_balancer(balancer.name, self._plan.cluster)
        return launch is not None and self._is_known(
            "load balancer", balancer.name, known=balancer.id == self._journal.balancer_id, launch=launch
        )

    def owns_certificate(self, certificate: Certificate) -> bool:
        """Whether a launch of this cluster created the certificate."""
        launch = launch_of_balancer(certificate.name, self._plan.cluster)
        return launch is not None and self._is_known(
            "certificate", certificate.name, known=certificate.id == self._journal.certificate_id, launch=launch
        )

    def owns_reserved_ip(self, reserved: ReservedIp) -> bool:
        """Whether bakery created the reserved IP for the cluster; report another one of its droplets."""
        if reserved.ip in self._addresses or reserved.droplet_id in self._requested_for:
            return True
        if reserved.droplet_id in self._droplet_ids:
            self._skip("reserved IP", reserved.ip, "no launch of this cluster is known to have made it")
        return False

    def owns_key(self, key: SshKey) -> bool:
        """Whether the key is the temporary key of a launch of this cluster."""
        launch = launch_of_key(key.name, self._plan.cluster)
        return launch is not None and self._is_known(
            "ssh key", key.name, known=key.id == self._journal.ssh_key_id, launch=launch
        )

    def _is_known(self, kind: str, name: str, *, known: bool, launch: str | None) -> bool:
        if known or launch in self._launches:
            return True
        self._skip(kind, name, "no launch of this cluster is known to have made it")
        return False

    def _skip(self, kind: str, name: str, reason: str) -> None:
        self.not_removed.append(NotRemoved(kind=kind, name=name, reason=reason))
