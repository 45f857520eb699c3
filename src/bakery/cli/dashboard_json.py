"""What the dashboard's page shows, as JSON: each node with all that is known of it. It has no secret."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from bakery.cli.status_json import droplets_json
from bakery.cli.status_view import condition_table, headline, next_steps
from bakery.cloud.model import Droplet
from bakery.errors import BakeryError
from bakery.hints import Text
from bakery.observe.expiry import Expiry
from bakery.observe.jobs import JobReport
from bakery.observe.model import NodeReport
from bakery.operations.watch_cluster import ClusterView

Spell = Callable[[Text], str]


def view_json(view: ClusterView, cloud: Mapping[str, str], spell: Spell) -> dict[str, Any]:
    """Return the document; ``cloud`` is :func:`bakery.cli.where.cloud_json`."""
    seen, report = view.status, view.status.report
    causes = condition_table(report, wide=False).rows
    return {
        "cluster": report.cluster,
        "region": seen.plan.region,
        "cloud": cloud["name"],
        "healthy": report.healthy,
        "headline": headline(report),
        "causes": [{"conditions": names, "state": state, "message": text} for names, state, text in causes],
        "next": [spell(step) for step in next_steps(seen)],
        "warnings": [spell(warning) for warning in seen.warnings],
        "monthly_usd": view.monthly_usd,
        "ways_in": list(seen.ways_in.lines),
        "roles": _roles_json(view),
        "nodes": _nodes_json(view),
        "jobs": {"error": view.jobs.error or None, "jobs": [_job_json(job) for job in view.jobs.reports]},
    }


def error_json(error: BakeryError, spell: Spell) -> dict[str, Any]:
    """Return why a look failed."""
    return {
        "message": error.message,
        "details": error.details and spell(error.details),
        "hint": error.hint and spell(error.hint),
    }


def _roles_json(view: ClusterView) -> list[dict[str, str]]:
    """Return the roles in the order of the cluster file, then those of droplets beyond the plan."""
    kinds = {node.role: node.kind.value for node in view.status.plan.nodes}
    others = {node.role: "other" for node in view.status.report.nodes if node.role not in kinds}
    return [{"name": role, "kind": kind} for role, kind in {**kinds, **others}.items()]


def _nodes_json(view: ClusterView) -> list[dict[str, Any]]:
    droplets = {droplet.id: droplet for droplet in view.status.droplets}
    origins = {each["id"]: each for each in droplets_json(view.status)}
    ends = {expiry.droplet_id: expiry for expiry in view.status.expiries}
    shown = []
    for node in view.status.report.nodes:
        number = node.droplet_id or 0
        more = {
            "droplet": _droplet_json(node, droplets.get(number), view),
            "differs": origins[number]["differs"] if number in origins else [],
            "certificate": _certificate_json(ends.get(number), view.status.now),
            "allocations": _allocations_json(node.name, view),
        }
        shown.append(_node_json(node) | more)
    return shown


def _node_json(node: NodeReport) -> dict[str, Any]:
    return {
        "name": node.name,
        "role": node.role,
        "healthy": node.healthy,
        "public_ipv4": node.public_ipv4,
        "private_ipv4": node.private_ipv4,
        "consul": {
            "status": node.consul,
            "version": node.consul_version,
            "voter": node.consul_voter,
            "leader": node.consul_leader,
        },
        "nomad": {
            "status": node.nomad,
            "version": node.nomad_version,
            "voter": node.nomad_voter,
            "leader": node.nomad_leader,
        },
    }


def _droplet_json(node: NodeReport, droplet: Droplet | None, view: ClusterView) -> dict[str, Any]:
    return {
        "id": node.droplet_id,
        "status": node.droplet_status,
        "size": droplet.size if droplet is not None else None,
        "monthly_usd": view.prices.get(droplet.size) if droplet is not None else None,
        "age_seconds": _age(droplet, view.status.now) if droplet is not None else None,
    }


def _age(droplet: Droplet, now: datetime) -> int | None:
    try:
        created = datetime.fromisoformat(droplet.created_at).astimezone(UTC)
    except ValueError:
        return None
    return max(0, int((now - created).total_seconds()))


def _certificate_json(expiry: Expiry | None, now: datetime) -> dict[str, Any] | None:
    if expiry is None:
        return None
    return {
        "not_after": f"{expiry.ends:%Y-%m-%dT%H:%M:%SZ}",
        "days_left": expiry.days_left(now),
        "share_left": round(max(0.0, expiry.share_left(now)), 3),
        "source": expiry.source.value,
    }


def _allocations_json(node: str, view: ClusterView) -> list[dict[str, Any]]:
    return [
        {"job": job.name, "namespace": job.namespace, "running": placed.runs, "healthy": placed.healthy}
        for job in view.jobs.reports
        for placed in job.placements
        if placed.node == node
    ]


def _job_json(job: JobReport) -> dict[str, Any]:
    return {
        "name": job.name,
        "namespace": job.namespace,
        "type": job.type,
        "state": job.state.value,
        "running": job.running,
        "wanted": job.wanted,
    }
