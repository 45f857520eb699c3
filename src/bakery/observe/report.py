"""Convert a cluster report to JSON, and name what to do about it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bakery.observe.expiry import Expiry
from bakery.observe.model import ClusterReport, Condition, NodeReport


def report_json(report: ClusterReport, expiries: Sequence[Expiry], *, now: datetime) -> dict[str, Any]:
    """Return the JSON of ``bakery status --json``. Keys are stable; no value is secret."""
    certificates = {expiry.droplet_id: _certificate_json(expiry, now) for expiry in expiries}
    return {
        "cluster": report.cluster,
        "healthy": report.healthy,
        "conditions": [_condition_json(condition) for condition in report.conditions],
        "nodes": [_node_json(node, certificates) for node in report.nodes],
    }


def help_lines(report: ClusterReport) -> tuple[str, ...]:
    """Return what to do about unmet conditions that neither waiting nor a launch will meet."""
    return tuple(f"{condition.name}: {condition.help}" for condition in report.missing if condition.help)


def _condition_json(condition: Condition) -> dict[str, str | None]:
    return {
        "name": condition.name,
        "state": condition.state.value,
        "message": condition.message,
        "help": condition.help,
    }


def _certificate_json(expiry: Expiry, now: datetime) -> dict[str, str | int]:
    return {
        "not_after": f"{expiry.ends:%Y-%m-%dT%H:%M:%SZ}",
        "days_left": expiry.days_left(now),
        "source": expiry.source.value,
    }


def _node_json(node: NodeReport, certificates: Mapping[int, dict[str, str | int]]) -> dict[str, Any]:
    return {
        "name": node.name,
        "role": node.role,
        "droplet": {"id": node.droplet_id, "status": node.droplet_status},
        "public_ipv4": node.public_ipv4,
        "private_ipv4": node.private_ipv4,
        "consul": node.consul,
        "nomad": node.nomad,
        "consul_voter": node.consul_voter,
        "nomad_voter": node.nomad_voter,
        "consul_leader": node.consul_leader,
        "nomad_leader": node.nomad_leader,
        "generation": node.generation,
        "certificate": certificates.get(node.droplet_id or 0),
        "healthy": node.healthy,
    }
