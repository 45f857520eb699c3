"""What belongs to a cluster, told from what only looks like it. A name alone never makes a thing ours.

Droplets carry the cluster's tag. Of VPCs, firewalls and SSH keys the name must fit *and* there must be a mark: an
id in the journal, or a launch id that the journal or a droplet of the cluster knows.
"""

from bakery.cloud.model import Droplet, Firewall, SshKey, Vpc
from bakery.launch.base.journal import Journal
from bakery.launch.base.marks import launch_of_firewall, launch_of_key, launch_of_vpc
from bakery.launch.base.model import Kept, Targets
from bakery.launch.base.session import Session
from bakery.plan.model import ClusterPlan
from bakery.plan.tags import is_cluster_tag, launches_of, role_of_tag


def find_targets(
    session: Session,
    plan: ClusterPlan,
    droplets: tuple[Droplet, ...],
    *,
    snapshot_tag: str | None = None,
    snapshots: bool = False,
) -> Targets:
    """Everything of the cluster, its ``droplets`` among it; ``snapshot_tag`` is the content tag of its snapshot.

    ``snapshots`` makes the snapshots targets too; without, they are kept and reported.
    """
    cloud = session.cloud
    sorter = _Sorter(plan, session.journal.now, droplets)
    images = cloud.list_images(tag=snapshot_tag) if snapshot_tag else ()
    kept_images = [] if snapshots else [_kept_image(image.name) for image in images]
    firewalls = tuple(firewall for firewall in cloud.list_firewalls() if sorter.owns_firewall(firewall))
    vpcs = tuple(vpc for vpc in cloud.list_vpcs() if sorter.owns_vpc(vpc))
    keys = tuple(key for key in cloud.list_ssh_keys() if sorter.owns_key(key))
    return Targets(
        droplets=droplets,
        firewalls=firewalls,
        vpcs=vpcs,
        ssh_keys=keys,
        tags=tuple(tag for tag in cloud.list_tags() if is_cluster_tag(tag, plan.cluster)),
        snapshots=tuple(images) if snapshots else (),
        kept=(*sorter.kept, *kept_images),
    )


def _kept_image(name: str) -> Kept:
    return Kept(kind="snapshot", name=name, reason="other clusters may boot from it")


class _Sorter:
    """Decides thing by thing, and notes what looks like the cluster's but is kept."""

    def __init__(self, plan: ClusterPlan, journal: Journal, droplets: tuple[Droplet, ...]) -> None:
        self._plan = plan
        self._journal = journal
        self._launches = set(journal.launches) | launches_of(droplets, plan.cluster)
        self.kept: list[Kept] = []

    def owns_firewall(self, firewall: Firewall) -> bool:
        role = role_of_tag(firewall.tags, self._plan.cluster)
        planned = {f.name for f in self._plan.firewalls if (f.tag,) == firewall.tags}
        # A role that has left the cluster file: bakery.plan.firewall named its firewall so.
        names = planned or ({f"{self._plan.cluster}-{role}"} if role and len(firewall.tags) == 1 else set())
        launch = launch_of_firewall(firewall.name, names)
        return launch is not None and self._marked(
            "firewall", firewall.name, known=firewall.id in self._journal.firewall_ids, launch=launch
        )

    def owns_vpc(self, vpc: Vpc) -> bool:
        if vpc.name != self._plan.vpc_name:
            return False
        launch = launch_of_vpc(vpc.description, self._plan.cluster)
        if not self._marked("vpc", vpc.name, known=vpc.id == self._journal.vpc_id, launch=launch):
            return False
        if vpc.default:
            self._keep("vpc", vpc.name, f"it is the default VPC of {vpc.region}, which cannot be deleted")
        return not vpc.default

    def owns_key(self, key: SshKey) -> bool:
        launch = launch_of_key(key.name, self._plan.cluster)
        return launch is not None and self._marked(
            "ssh key", key.name, known=key.id == self._journal.ssh_key_id, launch=launch
        )

    def _marked(self, kind: str, name: str, *, known: bool, launch: str | None) -> bool:
        if known or launch in self._launches:
            return True
        self._keep(kind, name, "no launch of this cluster is known to have made it")
        return False

    def _keep(self, kind: str, name: str, reason: str) -> None:
        self.kept.append(Kept(kind=kind, name=name, reason=reason))
