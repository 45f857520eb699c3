"""``bakery plan``: the planned cluster, and, with a token, what a launch would change."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from bakery.cli.admin_cidrs import admin_cidr_option, admin_cidrs
from bakery.cli.answers import print_answer, print_table, print_text, shortens
from bakery.cli.columns import column_options
from bakery.cli.invocation import Invocation, invocation_of
from bakery.cli.options import common_options
from bakery.cli.read_only import read_only
from bakery.cli.settings_view import SETTING_HEADER, setting_rows
from bakery.cli.table import Table
from bakery.cli.where import cloud_json, cloud_line, other_cloud_option
from bakery.console import counted
from bakery.errors import CredentialsError, ExitCode, UsageError

if TYPE_CHECKING:
    from bakery.hints import Text
    from bakery.launch.base.model import Changes
    from bakery.plan.model import ClusterPlan

NODE_HEADER = ("NODE", "ROLE", "SIZE", "WAVE", "ADDRESS")
NODE_DROPS = ("ROLE", "WAVE")
SUMMARY_HEADER = ("ROLE", "NODES", "SIZE", "WAVE", "EXIST")
RULE_HEADER = ("FIREWALL OF", "PORTS", "FROM", "FOR")
RULE_DROPS = ("FOR",)


@click.command()
@click.option("--offline", is_flag=True, help="Do not ask DigitalOcean, even with a token.")
@click.option(
    "--exit-code",
    is_flag=True,
    help="Exit 10 if a launch would change something, or a roll would replace a droplet.",
)
@admin_cidr_option
@other_cloud_option
@common_options
@column_options(NODE_HEADER)
@read_only()
@click.pass_context
def plan(
    context: click.Context,
    offline: bool,  # noqa: FBT001 - a click flag
    exit_code: bool,  # noqa: FBT001 - a click flag
    cidrs: tuple[str, ...],
    other_cloud: bool,  # noqa: FBT001 - a click flag
) -> int:
    """Show the nodes, the firewall rules and, with a token, the pending changes and the price. Changes nothing.

    If the plan cannot be launched, the reasons are listed, and the exit code is that of the launch: 2, or 3 for
    credentials. If only launch --wait active works, a warning says so. On a terminal more than 20 nodes are shown
    by role; -o wide or -v lists each.

    \b
    Examples:
      bakery plan
      bakery plan --exit-code
      bakery plan --offline -o yaml
    """
    if offline and exit_code:
        message = "--exit-code needs DigitalOcean's answer, and --offline does not ask"
        raise UsageError(message=message, hint="leave one of them out")
    from bakery.operations.check_agents import check_agents
    from bakery.operations.domains import address_warning
    from bakery.operations.launch_options import LaunchOptions
    from bakery.operations.preview_launch import preview_launch
    from bakery.plan.weaknesses import weaknesses

    invocation = invocation_of(context)
    planned = invocation.plan()
    check_agents(invocation, planned)
    domains = None if offline else address_warning(planned.ingress)
    warnings: list[Text] = [*weaknesses(planned), *([domains] if domains else [])]
    changes, admins = None, invocation.config.access.admin_cidrs
    if not offline and _has_token(invocation, required=exit_code):
        admins = admin_cidrs(invocation, cidrs)
        options = LaunchOptions(plan=planned, admin_cidrs=admins, other_cloud=other_cloud)
        changes, more = _of_any_launch(preview_launch(invocation, options))
        warnings += more
    if invocation.settings.json:
        print_answer(invocation.settings, "plan", _as_json(invocation, planned, changes, admins, warnings))
    else:
        _show(invocation, planned, changes, admins, warnings)
    return _exit_code(changes, tells_changes=exit_code)


def _of_any_launch(changes: "Changes") -> "tuple[Changes, tuple[Text, ...]]":
    """Return the changes without the obstacle that ``--wait active`` removes, and in its place a warning."""
    from bakery.launch.base.agentless import LAUNCH_THERE, NO_AGENTS_CODE

    others = tuple(obstacle for obstacle in changes.obstacles if obstacle.code != NO_AGENTS_CODE)
    warnings = () if others == changes.obstacles else (LAUNCH_THERE,)
    return replace(changes, obstacles=others), warnings


def _exit_code(changes: "Changes | None", *, tells_changes: bool) -> ExitCode:
    from bakery.launch.converge.verdict import exit_code_of

    return ExitCode.DONE if changes is None else exit_code_of(changes, tells_changes=tells_changes)


def _has_token(invocation: Invocation, *, required: bool) -> bool:
    """Whether there is a token for the API; without one only the plan is shown."""
    try:
        _ = invocation.cloud
    except CredentialsError:
        if required or invocation.names_token:
            raise
        invocation.console.note("no token: prices and pending changes are left out")
        return False
    return True


def _show(
    invocation: Invocation,
    planned: "ClusterPlan",
    changes: "Changes | None",
    admins: Sequence[str],
    warnings: "Sequence[Text]",
) -> None:
    from bakery.cli.changes_view import show_verdict
    from bakery.config.advisories import advisory_lines
    from bakery.config.versions import describe_tested

    nodes = Table(header=NODE_HEADER, rows=_node_rows(planned, changes), drops=NODE_DROPS)
    if invocation.settings.columns:
        print_table(invocation.settings, nodes)
        return
    console = invocation.console
    console.print(f"cluster {planned.cluster}, region {planned.region}, VPC {planned.vpc_name} {planned.vpc_cidr}")
    console.print(f"consul {planned.consul_version}, nomad {planned.nomad_version}, on {planned.image_base}")
    console.print(describe_tested(planned.consul_version, planned.nomad_version))
    if changes is not None:
        console.print(cloud_line(invocation))
    console.print("")
    if shortens(invocation.settings, len(planned.nodes), sys.stdout):
        _show_summary(invocation, planned, changes)
    else:
        print_table(invocation.settings, nodes)
        _show_details(invocation, planned, admins)
    advisories = tuple(advisory_lines(planned.consul_version, planned.nomad_version))
    if advisories:
        print_text(invocation.settings, "", *advisories)
    for warning in warnings:
        console.warn(warning)
    if changes is not None:
        console.print("")
        show_verdict(invocation.settings, changes, console.print)


def _show_details(invocation: Invocation, planned: "ClusterPlan", admins: Sequence[str]) -> None:
    """Print the firewall rules, who the admins are, and the settings of roles if there are any."""
    invocation.console.print("")
    print_table(invocation.settings, Table(header=RULE_HEADER, rows=_rule_rows(planned), drops=RULE_DROPS))
    networks = ", ".join("auto (your address)" if entry == "auto" else entry for entry in admins)
    print_text(invocation.settings, f"vpc: {planned.vpc_cidr}; admin: {networks or 'nobody'}")
    settings = setting_rows(planned)
    if settings:
        invocation.console.print("")
        print_table(invocation.settings, Table(header=SETTING_HEADER, rows=settings, folds=SETTING_HEADER[-1]))


def _show_summary(invocation: Invocation, planned: "ClusterPlan", changes: "Changes | None") -> None:
    """Print a row for each role, and how much of the plan that leaves out."""
    there = _addresses(planned, changes)
    rows = []
    for role in dict.fromkeys(node.role for node in planned.nodes):
        nodes = [node for node in planned.nodes if node.role == role]
        exist = str(sum(node.slot in there for node in nodes)) if changes else "-"
        waves = ",".join(dict.fromkeys(str(node.wave.value) for node in nodes))
        rows.append((role, str(len(nodes)), nodes[0].size, waves, exist))
    print_table(invocation.settings, Table(header=SUMMARY_HEADER, rows=rows, drops=("WAVE",)))
    left_out = [counted(len(_rule_rows(planned)), "firewall rule")]
    settings = setting_rows(planned)
    if settings:
        left_out.append(counted(len(settings), "setting"))
    invocation.console.print(f"also {' and '.join(left_out)}; -o wide lists them, and each node")


def _node_rows(planned: "ClusterPlan", changes: "Changes | None") -> list[tuple[str, ...]]:
    from bakery.plan.slots import as_running

    there = _addresses(planned, changes)
    nodes = as_running(planned, changes.unchanged if changes else ()).nodes
    return [(n.name, n.role, n.size, str(n.wave.value), there.get(n.slot) or "at launch") for n in nodes]


def _addresses(planned: "ClusterPlan", changes: "Changes | None") -> dict[str, str | None]:
    """Return the private addresses of the droplets that stay, by slot."""
    from bakery.plan.slots import slot_of

    kept = changes.unchanged if changes else ()
    return {slot_of(droplet, planned.cluster): droplet.private_ipv4 for droplet in kept}


def _rule_rows(planned: "ClusterPlan") -> list[tuple[str, ...]]:
    """Return a row for each port of a role's firewall, narrow enough for a terminal of 80 columns."""
    protocols: dict[tuple[str, ...], list[str]] = {}
    for firewall in planned.firewalls:
        role = firewall.name.removeprefix(f"{planned.cluster}-")
        for rule in firewall.inbound:
            sources = ["vpc" if source == str(planned.vpc_cidr) else source for source in rule.sources]
            sources = ["load balancer"] if rule.balancer_only else sources
            key = (role, rule.ports, ",".join([*sources, *(["admin"] if rule.admin else [])]), rule.reason)
            protocols.setdefault(key, []).append(rule.protocol)
    return [
        (role, "icmp" if found == ["icmp"] else f"{ports}/{','.join(found)}", sources, reason)
        for (role, ports, sources, reason), found in protocols.items()
    ]


def _as_json(
    invocation: Invocation,
    planned: "ClusterPlan",
    changes: "Changes | None",
    admins: Sequence[str],
    warnings: "Sequence[Text]",
) -> dict[str, Any]:
    from bakery.cli.changes_view import changes_json
    from bakery.config.advisories import advisory_lines
    from bakery.config.versions import CONSUL, NOMAD

    addresses = _addresses(planned, changes)
    value: dict[str, Any] = {
        "cluster": planned.cluster,
        "region": planned.region,
        "vpc": {"name": planned.vpc_name, "cidr": str(planned.vpc_cidr)},
        "nodes": [
            {
                "name": n.name,
                "role": n.role,
                "kind": n.kind.value,
                "size": n.size,
                "wave": n.wave.value,
                "address": addresses.get(n.slot),
            }
            for n in planned.nodes
        ],
        "firewalls": [
            {
                "name": f.name,
                "tag": f.tag,
                "inbound": [
                    {
                        "protocol": r.protocol,
                        "ports": r.ports,
                        "from": [] if r.balancer_only else list(r.sources),
                        "admin": r.admin,
                        "load_balancer": r.balancer_only,
                    }
                    for r in f.inbound
                ],
            }
            for f in planned.firewalls
        ],
        "admin_cidrs": list(admins),
        "tested": {"consul": CONSUL.tested, "nomad": NOMAD.tested},
        "settings": [{"name": name, "value": value} for name, value in setting_rows(planned)],
        "warnings": [*planned.warnings, *map(invocation.settings.spell, warnings)],
        "advisories": list(advisory_lines(planned.consul_version, planned.nomad_version)),
    }
    if changes is None:
        return value
    return value | {"cloud": cloud_json(invocation)} | changes_json(changes, invocation.settings.spell)
