"""Whether Consul and Nomad have formed: then a new server joins them, and must not form a second cluster."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bakery.cloud.model import Droplet
from bakery.console import counted
from bakery.hints import Command, Hint
from bakery.launch.base.journal import Journal
from bakery.launch.base.model import Changes, Obstacle, Present
from bakery.plan.model import ClusterPlan, Node
from bakery.plan.slots import slot_of
from bakery.plan.tags import launch_tag, slot_tag

DATA_LOST = "data_lost"


@dataclass(frozen=True, kw_only=True)
class Formed:
    """Which products have elected a leader, or may have, before this launch creates a droplet."""

    consul: bool
    nomad: bool


def what_formed(plan: ClusterPlan, changes: Changes, journal: Journal) -> Formed:
    """Return which products have formed.

    A product has formed if one of its servers of an earlier launch is unchanged, or if the unfinished launch has
    bootstrapped its ACLs.
    """

    def formed(product: str, servers: Iterable[Node]) -> bool:
        slots = {server.slot for server in servers}
        staying = [droplet for droplet in changes.unchanged if slot_of(droplet, plan.cluster) in slots]
        return bool(staying) and (product in journal.formed or any(map(of_earlier_launch, staying)))

    def of_earlier_launch(droplet: Droplet) -> bool:
        return not _is_of_launch(droplet, plan.cluster, journal.launch_id)

    return Formed(consul=formed("consul", plan.consul_servers), nomad=formed("nomad", plan.nomad_servers))


def lost_data(plan: ClusterPlan, present: Present, changes: Changes, journal: Journal) -> Iterator[Obstacle]:
    """Yield each product that has lost its last server, while other droplets of an earlier launch are left.

    The product's data is lost with that server, and new servers would form an empty cluster. A server whose
    removal has begun still counts, because the removal may be given up. A server that never joined held no data.
    """
    leaving = [droplet for droplet in changes.replaced if droplet.id in journal.leaving]
    never_joined = {slot_of(droplet, plan.cluster) for droplet in changes.replaced if droplet not in leaving}
    left = [d for d in changes.unchanged if not _is_of_launch(d, plan.cluster, journal.launch_id)]
    for product, servers in (("Consul", plan.consul_servers), ("Nomad", plan.nomad_servers)):
        slots = {server.slot for server in servers}
        there = any(slot_of(droplet, plan.cluster) in slots for droplet in (*changes.unchanged, *leaving))
        without_data = set() if product.lower() in journal.formed else never_joined.union(journal.never_joined)
        had_data = any(slot_tag(plan.cluster, slot) in present.tags for slot in slots - without_data)
        if left and had_data and not there:
            gone = f"the last {product} server of cluster {plan.cluster} is gone"
            empty = f"new servers would begin an empty {product}"
            are = "is" if len(left) == 1 else "are"
            yield Obstacle(
                code=DATA_LOST,
                message=f"{gone}, and {product}'s data with it",
                details=f"{empty}, unknown to the {counted(len(left), 'droplet')} that {are} left",
                hint=Hint(
                    "destroy the whole cluster and launch it again: ", Command("destroy"), "; ", Command("launch")
                ),
            )


def _is_of_launch(droplet: Droplet, cluster: str, launch_id: str | None) -> bool:
    return launch_id is not None and launch_tag(cluster, launch_id) in droplet.tags
