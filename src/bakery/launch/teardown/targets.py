"""Find the resources of a cluster, and those that only look like them. A name alone does not prove ownership.

A droplet belongs to the cluster by its tag. A VPC, a firewall or an SSH key must have the right name *and* be
known: by its id in the journal, or by a launch id that is in the journal or on a droplet of the cluster.
"""

from collections.abc import Sequence

from bakery.cloud.model import Droplet, Firewall, Image, SshKey, Vpc
from bakery.launch.base.journal import Journal
from bakery.launch.base.model import DestroyRequest, NotRemoved, Targets
from bakery.launch.base.ownership import launch_of_firewall, launch_of_key, launch_of_vpc
from bakery.launch.base.session import Session
from bakery.plan.model import ClusterPlan
from bakery.plan.tags import is_cluster_tag, launches_of, role_of_tag


def find_targets(session: Session, request: DestroyRequest, droplets: tuple[Droplet, ...]) -> Targets:
    """Return every resource of the cluster, including its ``droplets``."""
    cloud, plan = session.cloud, request.plan
    sorter = _Sorter(plan, session.journal.now, droplets)
    images = cloud.list_images(tag=request.snapshot_tag) if request.snapshot_tag else ()
    used = _used_by_others(session, images, droplets) if request.snapshots else {}
    free = tuple(image for image in images if image.id not in used) if request.snapshots else ()
    shared = [_shared_snapshot(image, used.get(image.id, ())) for image in images if image not in free]
    firewalls = tuple(firewall for firewall in cloud.list_firewalls() if sorter.owns_firewall(firewall))
    vpcs = tuple(vpc for vpc in cloud.list_vpcs() if sorter.owns_vpc(vpc))
    keys = tuple(key for key in cloud.list_ssh_keys() if sorter.owns_key(key))
    return Targets(
        droplets=droplets,
        firewalls=firewalls,
        vpcs=vpcs,
        ssh_keys=keys,
        tags=tuple(tag for tag in cloud.list_tags() if is_cluster_tag(tag, plan.cluster)),
        snapshots=free,
        not_removed=(*sorter.not_removed, *shared),
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


class _Sorter:
    """Decides whether a resource is the cluster's, and collects those that only look so."""

    def __init__(self, plan: ClusterPlan, journal: Journal, droplets: tuple[Droplet, ...]) -> None:
        self._plan = plan
        self._journal = journal
        self._launches = set(journal.launches) | launches_of(droplets, plan.cluster)
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
