"""``bakery destroy``: everything of the cluster, or one node, after showing it and asking."""

import sys
from typing import TYPE_CHECKING

import click

from bakery.cli.session import Session, common_options, session_of
from bakery.errors import UsageError

if TYPE_CHECKING:
    from bakery.cloud.model import Droplet
    from bakery.launch.model import Targets


@click.command(short_help="Destroy the cluster, or one node.")
@click.option("--node", help="Only this droplet.")
@click.option("--confirm", "confirmed", metavar="CLUSTER", help="The cluster's name, instead of typing it.")
@click.option("--snapshots", is_flag=True, help="Delete the cluster's snapshots too.")
@click.option("--dry-run", is_flag=True, help="List what would go, and stop.")
@common_options
@click.pass_context
def destroy(
    context: click.Context,
    node: str | None,
    confirmed: str | None,
    snapshots: bool,  # noqa: FBT001 - a click flag
    dry_run: bool,  # noqa: FBT001 - a click flag
) -> None:
    """List everything of the cluster, ask for its name, and remove it. The credentials in .bakery/ stay."""
    session = session_of(context)
    config = session.config
    if config.protect:
        message = f"cluster {config.cluster} is protected"
        raise UsageError(message, hint=f"set protect: false in {config.path} first")
    if node is not None:
        _destroy_node(session, node, dry_run=dry_run)
        return
    _destroy_all(session, confirmed, snapshots=snapshots, dry_run=dry_run)


def _destroy_all(session: Session, confirmed: str | None, *, snapshots: bool, dry_run: bool) -> None:
    from bakery.launch.destroy import destroy as run_destroy
    from bakery.launch.destroy import list_targets

    plan = session.plan()
    tag = session.content_tag()
    if dry_run:
        targets = list_targets(
            plan, cloud=session.cloud, paths=session.paths, snapshot_tag=tag, snapshots=snapshots
        )
        _show(session, targets)
        return

    def approve(targets: "Targets") -> bool:
        _show(session, targets)
        if not targets.empty:
            _ask_for_name(session, confirmed)
        return True

    targets = run_destroy(
        plan,
        cloud=session.cloud,
        paths=session.paths,
        snapshot_tag=tag,
        snapshots=snapshots,
        approve=approve,
        reporter=session.console,
    )
    session.console.note(
        f"cluster {plan.cluster} is gone" if not targets.empty else f"nothing of cluster {plan.cluster} is there"
    )


def _destroy_node(session: Session, node: str, *, dry_run: bool) -> None:
    from bakery.launch.destroy import destroy_node

    def approve(droplet: "Droplet") -> bool:
        session.console.note(f"  - droplet {droplet.name} ({droplet.public_ipv4 or 'no address'})")
        if dry_run:
            return False
        session.confirm(f"destroy {droplet.name}?")
        return True

    gone = destroy_node(
        session.plan(), node, cloud=session.cloud, paths=session.paths, approve=approve, reporter=session.console
    )
    if not dry_run:
        session.console.note(f"{gone.name} is gone")


def _show(session: Session, targets: "Targets") -> None:
    console = session.console
    for kind, names in (
        ("droplet", [d.name for d in targets.droplets]),
        ("firewall", [f.name for f in targets.firewalls]),
        ("VPC", [v.name for v in targets.vpcs]),
        ("SSH key", [k.name for k in targets.ssh_keys]),
        ("tag", list(targets.tags)),
        ("snapshot", [s.name for s in targets.snapshots]),
    ):
        for name in names:
            console.note(f"  {console.style('-', 'red')} {kind:<9} {name}")
    for kept in targets.kept:
        console.note(f"    {kept.kind:<9} {kept.name} stays: {kept.reason}")


def _ask_for_name(session: Session, confirmed: str | None) -> None:
    """Losing a cluster is severe: its name must be typed, unless a flag says it (clig.dev)."""
    cluster = session.config.cluster
    if session.settings.yes or confirmed == cluster:
        return
    if confirmed is not None:
        message = f"--confirm {confirmed} is not this cluster, {cluster}"
        raise UsageError(message, hint=f"--confirm {cluster}")
    if not sys.stdin.isatty():
        message = "this needs an answer, and there is no terminal to ask on"
        raise UsageError(message, hint=f"add --yes, or --confirm {cluster}")
    if click.prompt(f"type the cluster's name to destroy it ({cluster})", err=True, default="") != cluster:
        raise click.Abort
