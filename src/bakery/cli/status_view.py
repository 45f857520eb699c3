"""``bakery status`` for people: what is wrong comes first, each cause once, then the nodes, then the next step."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bakery.cli.status_columns import NODE_DROPS, NODE_HEADER, NODE_WIDE
from bakery.cli.status_json import droplets_json
from bakery.cli.table import Table
from bakery.console import counted
from bakery.hints import Command, Hint, Text
from bakery.launch.base.agentless import NO_AGENTS
from bakery.observe.expiry import Expiry, Source
from bakery.observe.model import ClusterReport, Condition, ConditionState, NodeReport
from bakery.observe.report import help_lines
from bakery.operations.cluster_status import ClusterStatus

CONDITION_HEADER = ("CONDITION", "STATE", "MESSAGE")
BAD = {"no": "red", "missing": "red", "failed": "red", "down": "red", "left": "red", "unknown": "yellow"}
MOST_NAMES = 2
"""Names that are shown before "and N more", where several nodes or conditions have the same cause."""
# "Consul at 10.1.2.3:8501 cannot be reached": the same cause on several nodes, even if their addresses differ.
_ADDRESS = re.compile(r" at \d+\.\d+\.\d+\.\d+:\d+")


def headline(report: ClusterReport) -> str:
    """Return one line: whether the cluster is healthy, and how many nodes and conditions are."""
    good = sum(node.healthy for node in report.nodes)
    nodes = f"{good} of {counted(len(report.nodes), 'node')} healthy"
    unmet = len(report.missing)
    conditions = f"{unmet} of {counted(len(report.conditions), 'condition')} not met" if unmet else ""
    state = "healthy" if report.healthy else "not healthy"
    return f"{report.cluster} is {state}: {', '.join(filter(None, (nodes, conditions)))}"


def condition_table(report: ClusterReport, *, wide: bool) -> Table:
    """Return the conditions that are not met, those of one cause in one row; with ``wide`` each condition."""
    names = [node.name for node in report.nodes]
    rows = [(each.name, each.state.value, each.message) for each in _bad_first(report.conditions)]
    if not wide:
        rows = [
            (_several(group), state, shortened(message, names))
            for (state, message), group in _by_cause(report.missing).items()
        ]
    return Table(header=CONDITION_HEADER, rows=rows, folds="MESSAGE", styles=BAD)


def node_table(seen: ClusterStatus) -> Table:
    """Return a row for each node; those that are not healthy come first. An estimated date has ``~`` before it."""
    droplets = {each["id"]: each for each in droplets_json(seen)}
    ends = {expiry.droplet_id: _day(expiry) for expiry in seen.expiries}
    nodes = sorted(seen.report.nodes, key=lambda node: node.healthy)
    rows = [(*_health(node, ends), *_origin(droplets.get(node.droplet_id or 0))) for node in nodes]
    return Table(header=NODE_HEADER, rows=rows, drops=NODE_DROPS, wide=NODE_WIDE, styles=BAD)


def next_steps(seen: ClusterStatus) -> tuple[Text, ...]:
    """Return what to do next: nothing for a healthy cluster."""
    if seen.in_vain:
        return (NO_AGENTS,)
    unhelped = [one for one in seen.report.missing if one.blocks and not one.help]
    launches = Hint(Command("launch"), " creates what is missing, and waits until it is healthy")
    return (*help_lines(seen.report), *((launches,) if unhelped and seen.rolling is None else ()))


def shortened(message: str, names: Sequence[str]) -> str:
    """Return the message with the faults that several nodes share written once.

    A fault is ``NAME: TEXT``; faults are joined by semicolons, and a clause may precede the first.
    """
    known = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    fault = re.compile(rf"(?P<before>.*?)\b(?P<name>{known}): (?P<text>.*)")
    before, shown = "", dict[str, list[str]]()
    for number, part in enumerate(message.split("; ")):
        found = fault.fullmatch(part) if known else None
        if found is None or (found["before"] and number):
            shown.setdefault(part, [])
            continue
        before = before or found["before"]
        shown.setdefault(found["text"], []).append(found["name"])
    return before + "; ".join(_fault(text, group) for text, group in _merged(shown).items())


def _merged(faults: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Merge the faults that differ in an address only; that of one node keeps it."""
    by_text = dict[str, list[str]]()
    for text in faults:
        by_text.setdefault(_ADDRESS.sub("", text), []).append(text)
    return {
        texts[0] if len(texts) == 1 else text: [name for each in texts for name in faults[each]]
        for text, texts in by_text.items()
    }


def _fault(text: str, names: Sequence[str]) -> str:
    return f"{_several(names)}: {text}" if names else text


def _several(names: Sequence[str]) -> str:
    """Return "a", "a, b", or "a, b and 3 more"."""
    if len(names) <= MOST_NAMES + 1:
        return ", ".join(names)
    return f"{', '.join(names[:MOST_NAMES])} and {len(names) - MOST_NAMES} more"


def _bad_first(conditions: Iterable[Condition]) -> list[Condition]:
    return sorted(conditions, key=lambda one: one.state is ConditionState.OK)


def _by_cause(missing: Iterable[Condition]) -> dict[tuple[str, str], list[str]]:
    """Return the names of unmet conditions by state and message; what is missing comes before what is unknown."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in sorted(missing, key=lambda one: one.state is ConditionState.UNKNOWN):
        found.setdefault((one.state.value, one.message), []).append(one.name)
    return found


def _health(node: NodeReport, ends: Mapping[int, str]) -> tuple[str, ...]:
    return (
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


def _origin(droplet: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the cells from DIFFERS on."""
    if droplet is None:
        return ("-",) * (len(NODE_WIDE) + 1)
    return (
        ",".join(droplet["differs"]) or "-",
        droplet["snapshot"]["name"] or str(droplet["snapshot"]["id"] or "-"),
        droplet["consul_version"] or "-",
        droplet["nomad_version"] or "-",
        "-" if droplet["age_days"] is None else f"{droplet['age_days']}d",
        str(droplet["id"]),
    )


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


def _day(expiry: Expiry) -> str:
    return f"{'~' if expiry.source is Source.ESTIMATED else ''}{expiry.ends:%Y-%m-%d}"
