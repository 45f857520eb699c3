"""Convert a cluster report to JSON and to table rows."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bakery.observe.expiry import Expiry, Source
from bakery.observe.model import ClusterReport, Condition, NodeReport

NODE_HEADER = ("NODE", "ROLE", "DROPLET", "PUBLIC", "PRIVATE", "CONSUL", "NOMAD", "VOTER", "HEALTHY", "EXPIRES")
CONDITION_HEADER = ("CONDITION", "STATE", "MESSAGE")


def report_json(report: ClusterReport, expiries: Sequence[Expiry], *, now: datetime) -> dict[str, Any]:
    """Return the JSON of ``bakery status --json``. Keys are stable; no value is secret."""
    certificates = {expiry.droplet_id: _certificate_json(expiry, now) for expiry in expiries}
    return {
        "cluster": report.cluster,
        "healthy": report.healthy,
        "conditions": [_condition_json(condition) for condition in report.conditions],
        "nodes": [_node_json(node, certificates) for node in report.nodes],
    }


def node_rows(report: ClusterReport, expiries: Sequence[Expiry]) -> tuple[tuple[str, ...], ...]:
    """Return one row per node, under :data:`NODE_HEADER`. An estimated end has ``~`` before it."""
    ends = {expiry.droplet_id: _day(expiry) for expiry in expiries}
    return tuple(
        (
            node.name,
            node.role,
            node.droplet_status if node.droplet_id is not None else "missing",
            node.public_ipv4 or "-",
            node.private_ipv4 or "-",
            node.consul,
            node.nomad,
            _votes(node),
            "yes" if node.healthy else "no",
            ends.get(node.droplet_id or 0, "-"),
        )
        for node in report.nodes
    )


def condition_rows(report: ClusterReport) -> tuple[tuple[str, ...], ...]:
    """Return one row per condition, under :data:`CONDITION_HEADER`."""
    return tuple((condition.name, condition.state.value, condition.message) for condition in report.conditions)


def help_lines(report: ClusterReport) -> tuple[str, ...]:
    """Return what to do about unmet conditions that neither waiting nor a launch will meet."""
    return tuple(f"{condition.name}: {condition.help}" for condition in report.missing if condition.help)


def _votes(node: NodeReport) -> str:
    """Return "yes", "no" or "-"; for a server of both products that votes in one, the product's name."""
    votes = {"consul": node.consul_voter, "nomad": node.nomad_voter}
    asked = [name for name, vote in votes.items() if vote is not None]
    voting = [name for name in asked if votes[name]]
    if not asked:
        return "-"
    if len(voting) in (0, len(asked)):
        return "yes" if voting else "no"
    return voting[0]


def _condition_json(condition: Condition) -> dict[str, str | None]:
    return {
        "name": condition.name,
        "state": condition.state.value,
        "message": condition.message,
        "help": condition.help,
    }


def _day(expiry: Expiry) -> str:
    return f"{'~' if expiry.source is Source.ESTIMATED else ''}{expiry.ends:%Y-%m-%d}"


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
        "generation": node.generation,
        "certificate": certificates.get(node.droplet_id or 0),
        "healthy": node.healthy,
    }
