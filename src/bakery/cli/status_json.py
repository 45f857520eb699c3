"""The document of ``bakery status``: the report on health, and what each droplet runs and was made from."""

from typing import Any

from bakery.launch.converge.snapshot import SnapshotUse
from bakery.launch.roll.differing import because_of
from bakery.launch.roll.need import age_days
from bakery.observe.report import report_json
from bakery.operations.cluster_status import ClusterStatus
from bakery.plan.slots import in_plan_order


def status_json(seen: ClusterStatus, cloud: dict[str, str]) -> dict[str, Any]:
    """Return the document; ``cloud`` is :func:`bakery.cli.where.cloud_json`."""
    snapshots = _snapshots_json(seen.snapshots, seen.rolling)
    more = {"cloud": cloud, "snapshots": snapshots, "droplets": droplets_json(seen)}
    return report_json(seen.report, seen.expiries, now=seen.now) | more | seen.ways_in.json


def droplets_json(seen: ClusterStatus) -> list[dict[str, Any]]:
    """Return the droplets in the plan's order, with the versions that their agents report."""
    nodes = {node.droplet_id: node for node in seen.report.nodes}
    shown = []
    for droplet in in_plan_order(seen.plan, seen.droplets):
        node, age = nodes.get(droplet.id), age_days(droplet, seen.wanted.now)
        shown.append(
            {
                "name": droplet.name,
                "id": droplet.id,
                "snapshot": {"id": droplet.image_id, "name": droplet.image_name},
                "consul_version": node.consul_version if node is not None else None,
                "nomad_version": node.nomad_version if node is not None else None,
                "age_days": None if age is None else max(0, int(age)),
                "differs": [reason.value for reason in because_of(seen.plan, droplet, seen.wanted)],
            }
        )
    return shown


def _snapshots_json(use: SnapshotUse, rolling: int | None) -> dict[str, Any]:
    asked = None if use.asked is None else {"id": use.asked.id, "name": use.asked.name}
    others = [{"droplet": d.name, "id": d.image_id, "name": d.image_name} for d in use.others]
    return {"asked": asked, "others": others, "rolling": rolling}
