"""``bakery status``: whether the cluster is healthy, and what is missing if not."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from bakery.cli.options import common_options
from bakery.cli.session import session_of
from bakery.cli.where import cloud_json, cloud_line, other_cloud_option
from bakery.errors import ExitCode
from bakery.hints import Command, Hint

if TYPE_CHECKING:
    from bakery.launch.converge.snapshot import SnapshotUse


@click.command()
@other_cloud_option
@common_options
@click.pass_context
def status(context: click.Context, other_cloud: bool) -> int:  # noqa: FBT001 - a click flag
    """Show every node and every condition of a healthy cluster. Exits 7 if a condition is not met.

    EXPIRES is when the first certificate of a node expires; with ~ it is estimated from the age of the droplet.
    DIFFERS is why bakery roll would replace a droplet: its snapshot (image), size, secrets, configuration or age.
    """
    from bakery.bake.snapshot import age_warning
    from bakery.cli.droplet_table import DROPLET_HEADER, droplet_rows, droplets_json
    from bakery.credentials.inspect import first_to_end
    from bakery.observe.expiry import WARNING_SHARE, describe_expiring, expiring, observe_with_expiry, renewal
    from bakery.observe.report import (
        CONDITION_HEADER,
        NODE_HEADER,
        condition_rows,
        help_lines,
        node_rows,
        report_json,
    )
    from bakery.operations.credentials import connect_agents, load_credentials
    from bakery.operations.droplets import compare_snapshots, list_droplets, rolled_snapshot, wanted_now
    from bakery.operations.place import check_place
    from bakery.plan.slots import as_running

    session = session_of(context)
    plan = session.plan()
    bundle = load_credentials(session)
    check_place(session, insists=other_cloud)
    droplets = list_droplets(session)
    snapshots = compare_snapshots(session, plan, droplets)
    running, clients, now = as_running(plan, droplets), connect_agents(session, bundle), datetime.now(UTC)
    report, expiries = observe_with_expiry(running, droplets, clients, ca_ends=first_to_end(bundle))
    wanted = wanted_now(session, snapshots.asked, generation=bundle.generation)
    rolling = rolled_snapshot(session)
    shown = droplets_json(plan, droplets, report, wanted)
    if session.settings.json:
        more = {"cloud": cloud_json(session), "snapshots": _snapshots_json(snapshots, rolling), "droplets": shown}
        session.console.print_json(report_json(report, expiries, now=now) | more)
    else:
        session.console.note(cloud_line(session))
        session.console.print_table(NODE_HEADER, node_rows(report, expiries))
        session.console.print("")
        if shown:
            session.console.print_table(DROPLET_HEADER, droplet_rows(shown))
            session.console.print("")
        session.console.print_table(CONDITION_HEADER, condition_rows(report))
        for line in (*(f"help: {text}" for text in help_lines(report)), *snapshots.lines):
            session.console.print(line)
        if rolling is not None:
            session.console.print(Hint("a roll is unfinished: ", Command("roll")))
    if late := expiring(expiries, now, WARNING_SHARE):
        session.console.warn(Hint(describe_expiring(late, now), "; ", renewal(late)))
    used = {droplet.image_id for droplet in droplets}
    if warning := age_warning(session.cloud.list_images(), used, now):
        session.console.warn(warning)
    return ExitCode.DONE if report.healthy else ExitCode.CHECKS


def _snapshots_json(use: "SnapshotUse", rolling: int | None) -> dict[str, Any]:
    """Return the snapshots of running droplets for ``--json``."""
    asked = None if use.asked is None else {"id": use.asked.id, "name": use.asked.name}
    others = [{"droplet": d.name, "id": d.image_id, "name": d.image_name} for d in use.others]
    return {"asked": asked, "others": others, "rolling": rolling}
