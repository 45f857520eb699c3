"""``bakery plan``: the planned cluster, and, with a token, what a launch would change."""

from typing import TYPE_CHECKING, Any

import click

from bakery.cli.admin_cidrs import admin_cidr_option, admin_cidrs
from bakery.cli.options import common_options
from bakery.cli.session import Session, session_of
from bakery.cli.settings_view import SETTING_HEADER, setting_rows
from bakery.cli.where import cloud_json, cloud_line, other_cloud_option
from bakery.errors import CredentialsError, ExitCode, UsageError

if TYPE_CHECKING:
    from bakery.launch.base.model import Changes
    from bakery.plan.model import ClusterPlan

NODE_HEADER = ("NODE", "ROLE", "SIZE", "WAVE", "ADDRESS")
RULE_HEADER = ("FIREWALL", "PROTOCOL", "PORTS", "FROM", "FOR")


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
    credentials.
    """
    if offline and exit_code:
        message = "--exit-code needs DigitalOcean's answer, and --offline does not ask"
        raise UsageError(message=message, hint="leave one of them out")
    from bakery.operations.check_agents import check_agents
    from bakery.operations.launch_cluster import LaunchOptions
    from bakery.operations.preview_launch import preview_launch

    session = session_of(context)
    planned = session.plan()
    check_agents(session, planned)
    changes = None
    if not offline and _has_token(session, required=exit_code):
        options = LaunchOptions(plan=planned, admin_cidrs=admin_cidrs(session, cidrs), other_cloud=other_cloud)
        changes = preview_launch(session, options)
    if session.settings.json:
        session.console.print_json(_as_json(session, planned, changes))
    else:
        _show(session, planned, changes)
    return _exit_code(changes, tells_changes=exit_code)


def _exit_code(changes: "Changes | None", *, tells_changes: bool) -> ExitCode:
    from bakery.launch.converge.verdict import exit_code_of

    return ExitCode.DONE if changes is None else exit_code_of(changes, tells_changes=tells_changes)


def _has_token(session: Session, *, required: bool) -> bool:
    """Whether there is a token for the API; without one only the plan is shown."""
    try:
        _ = session.cloud
    except CredentialsError:
        if required or session.names_token:
            raise
        session.console.note("no token: prices and pending changes are left out")
        return False
    return True


def _show(session: Session, planned: "ClusterPlan", changes: "Changes | None") -> None:
    from bakery.cli.changes_view import show_verdict
    from bakery.plan.weaknesses import weaknesses

    console = session.console
    console.print(f"cluster {planned.cluster}, region {planned.region}, VPC {planned.vpc_name} {planned.vpc_cidr}")
    console.print(f"consul {planned.consul_version}, nomad {planned.nomad_version}, on {planned.image_base}")
    if changes is not None:
        console.print(cloud_line(session))
    console.print("")
    console.print_table(NODE_HEADER, _node_rows(planned, changes))
    console.print("")
    console.print_table(RULE_HEADER, _rule_rows(planned))
    settings = setting_rows(planned)
    if settings:
        console.print("")
        console.print_table(SETTING_HEADER, settings)
    for weakness in weaknesses(planned):
        console.warn(weakness)
    if changes is not None:
        console.print("")
        show_verdict(console, changes, console.print)


def _node_rows(planned: "ClusterPlan", changes: "Changes | None") -> list[tuple[str, ...]]:
    from bakery.plan.slots import as_running, slot_of

    kept = changes.unchanged if changes else ()
    there = {slot_of(droplet, planned.cluster): droplet.private_ipv4 for droplet in kept}
    nodes = as_running(planned, kept).nodes
    return [(n.name, n.role, n.size, str(n.wave.value), there.get(n.slot) or "at launch") for n in nodes]


def _rule_rows(planned: "ClusterPlan") -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for firewall in planned.firewalls:
        for rule in firewall.inbound:
            sources = [*rule.sources, *(["admin"] if rule.admin else [])]
            rows.append((firewall.name, rule.protocol, rule.ports, ", ".join(sources), rule.reason))
    return rows


def _as_json(session: Session, planned: "ClusterPlan", changes: "Changes | None") -> dict[str, Any]:
    from bakery.cli.changes_view import changes_json
    from bakery.plan.weaknesses import weaknesses

    value: dict[str, Any] = {
        "cluster": planned.cluster,
        "region": planned.region,
        "vpc": {"name": planned.vpc_name, "cidr": str(planned.vpc_cidr)},
        "nodes": [
            {"name": n.name, "role": n.role, "kind": n.kind.value, "size": n.size, "wave": n.wave.value}
            for n in planned.nodes
        ],
        "firewalls": [
            {
                "name": f.name,
                "tag": f.tag,
                "inbound": [
                    {"protocol": r.protocol, "ports": r.ports, "from": list(r.sources), "admin": r.admin}
                    for r in f.inbound
                ],
            }
            for f in planned.firewalls
        ],
        "settings": [{"name": name, "value": value} for name, value in setting_rows(planned)],
        "warnings": [*planned.warnings, *weaknesses(planned)],
    }
    if changes is None:
        return value
    return value | {"cloud": cloud_json(session)} | changes_json(changes, session.settings.spell)
