"""What each droplet of the cluster was made from and runs, and why a roll would replace it: for ``status``."""

from collections.abc import Iterable, Sequence
from typing import Any

from bakery.cloud.model import Droplet
from bakery.launch.roll.differing import because_of
from bakery.launch.roll.need import Wanted, age_days
from bakery.observe.model import ClusterReport
from bakery.plan.model import ClusterPlan
from bakery.plan.slots import in_plan_order

DROPLET_HEADER = ("NODE", "SNAPSHOT", "CONSUL", "NOMAD", "AGE", "DIFFERS")


def droplets_json(
    plan: ClusterPlan, droplets: Iterable[Droplet], report: ClusterReport, wanted: Wanted
) -> list[dict[str, Any]]:
    """Return the droplets in the plan's order for ``--json``, with the versions that their agents report."""
    nodes = {node.droplet_id: node for node in report.nodes}
    shown = []
    for droplet in in_plan_order(plan, droplets):
        node, age = nodes.get(droplet.id), age_days(droplet, wanted.now)
        shown.append(
            {
                "name": droplet.name,
                "id": droplet.id,
                "snapshot": {"id": droplet.image_id, "name": droplet.image_name},
                "consul_version": node.consul_version if node is not None else None,
                "nomad_version": node.nomad_version if node is not None else None,
                "age_days": None if age is None else max(0, int(age)),
                "differs": [reason.value for reason in because_of(plan, droplet, wanted)],
            }
        )
    return shown


def droplet_rows(shown: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Return one row per droplet, under :data:`DROPLET_HEADER`."""
    return [
        (
            each["name"],
            each["snapshot"]["name"] or str(each["snapshot"]["id"] or "-"),
            each["consul_version"] or "-",
            each["nomad_version"] or "-",
            "-" if each["age_days"] is None else f"{each['age_days']} d",
            ", ".join(each["differs"]) or "-",
        )
        for each in shown
    ]
