"""``bakery destroy``: delete the cluster, one node or one role, after listing it and asking."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from bakery.cli import completions
from bakery.cli.answers import print_answer
from bakery.cli.invocation import Invocation, invocation_of
from bakery.cli.options import common_options
from bakery.cli.prompts import ask, has_terminal, need_terminal
from bakery.cli.recorder import recorded
from bakery.cli.replacing import drain_options, show_warnings
from bakery.cli.values import once
from bakery.cli.where import cloud_line, other_cloud_option
from bakery.console import counted, width_of
from bakery.errors import UsageError
from bakery.hints import Text

if TYPE_CHECKING:
    from bakery.launch.base.model import DrainPolicy, Targets
    from bakery.launch.teardown.destroy_some import Removal


@click.command()
@click.option(
    "--node",
    multiple=True,
    callback=once,
    metavar="NAME",
    shell_complete=completions.nodes,
    help="Destroy this droplet only.",
)
@click.option(
    "--role",
    multiple=True,
    callback=once,
    metavar="ROLE",
    shell_complete=completions.roles,
    help="Destroy the droplets of this role only.",
)
@drain_options
@click.option(
    "--accept-quorum-loss",
    "accepted",
    multiple=True,
    metavar="NAME",
    help="With --node or --role: destroy this server even if the quorum, and the data, may be lost. Repeatable.",
)
@click.option("--confirm", "confirmed", metavar="CLUSTER", help="The cluster's name, instead of typing it.")
@click.option("--snapshots", is_flag=True, help="Delete the cluster's snapshots too.")
@click.option("--dry-run", is_flag=True, help="List what would be deleted, and exit.")
@other_cloud_option
@common_options
@recorded
@click.pass_context
def destroy(
    context: click.Context,
    node: str | None,
    role: str | None,
    drain: "DrainPolicy",
    accepted: tuple[str, ...],
    confirmed: str | None,
    snapshots: bool,  # noqa: FBT001 - a click flag
    dry_run: bool,  # noqa: FBT001 - a click flag
    other_cloud: bool,  # noqa: FBT001 - a click flag
) -> None:
    """List the cluster's resources, ask for its name, and delete them. The credentials in .bakery/ stay.

    With --node or --role only those droplets are deleted: Nomad's jobs move to other clients first (if some have
    not moved at the deadline, nothing is deleted: exit 6), and a server is only removed if the others keep the
    quorum. Without a record of the cluster on this machine, --yes is not enough: type the cluster's name, or give
    it with --confirm. With credentials of another CA than the droplets have, only --confirm works.

    \b
    Examples:
      bakery destroy --node demo-nomad-client-3
      bakery destroy --dry-run
    """
    from bakery.operations.place import check_place

    invocation = invocation_of(context)
    config = invocation.config
    if config.protect:
        message = f"cluster {config.cluster} is protected"
        raise UsageError(message=message, hint=f"set protect: false in {config.path} first")
    if confirmed is not None and confirmed != config.cluster:
        message = f"--confirm {confirmed} is not this cluster, {config.cluster}"
        raise UsageError(message=message, hint=f"--confirm {config.cluster}")
    if node is not None and role is not None:
        message = "--node and --role cannot be combined"
        raise UsageError(message=message, hint="give one of them")
    if accepted and node is None and role is None:
        message = "--accept-quorum-loss works only with --node or --role"
        raise UsageError(
            message=message, hint="leave it out: the whole cluster is destroyed without asking its servers"
        )
    if snapshots and (node is not None or role is not None):
        message = "--snapshots cannot be combined with --node or --role"
        raise UsageError(message=message, hint="leave it out")
    check_place(invocation, insists=other_cloud)
    if node is not None or role is not None:
        insisted = frozenset(accepted)
        _destroy_some(invocation, node, role, confirmed, drain=drain, insisted=insisted, dry_run=dry_run)
        return
    _destroy_all(invocation, confirmed, snapshots=snapshots, dry_run=dry_run)


def _destroy_all(invocation: Invocation, confirmed: str | None, *, snapshots: bool, dry_run: bool) -> None:
    from bakery.operations.destroy_cluster import destroy_cluster, preview_destroy

    if dry_run:
        invocation.console.note(cloud_line(invocation))
        targets = preview_destroy(invocation, snapshots=snapshots, confirmed=confirmed is not None)
        _show(invocation, targets, invocation.print_or_note)
        _print_json(invocation, targets)
        return

    def approve(targets: "Targets") -> bool:
        print_line = invocation.console.note if confirmed else invocation.note_before_question
        print_line(cloud_line(invocation))
        _show(invocation, targets, print_line)
        if not targets.empty:
            _ask_for_name(invocation, confirmed, len(targets.droplets))
        return True

    targets = destroy_cluster(invocation, approve, snapshots=snapshots, confirmed=confirmed is not None)
    _print_json(invocation, targets)
    if targets.empty:
        _show(invocation, targets, invocation.console.note)
    else:
        invocation.console.note(f"cluster {invocation.config.cluster} is destroyed")


def _destroy_some(
    invocation: Invocation,
    node: str | None,
    role: str | None,
    confirmed: str | None,
    *,
    drain: "DrainPolicy",
    insisted: frozenset[str],
    dry_run: bool,
) -> None:
    from bakery.operations.destroy_cluster import destroy_nodes_of, destroy_one

    print_line = invocation.print_or_note if dry_run else invocation.note_before_question
    warnings: list[str] = []

    def approve(removal: "Removal") -> bool:
        (invocation.console.note if dry_run else print_line)(cloud_line(invocation))
        for droplet in removal.droplets:
            print_line(f"  - droplet {droplet.name} ({droplet.public_ipv4 or 'no address'})")
        for note in removal.notes:
            print_line(f"    {note}")
        show_warnings(removal.warnings, print_line)
        warnings.extend((*removal.notes, *removal.warnings))
        if not dry_run:
            _ask_for_some(invocation, confirmed, removal)
        return not dry_run

    if node is not None:
        gone = destroy_one(
            invocation, node, approve, drain=drain, accept_quorum_loss=insisted, confirmed=confirmed is not None
        )
    else:
        gone = destroy_nodes_of(
            invocation,
            role or "",
            approve,
            drain=drain,
            accept_quorum_loss=insisted,
            confirmed=confirmed is not None,
        )
    names = [droplet.name for droplet in gone]
    if invocation.settings.json:
        print_answer(invocation.settings, "destroy", {"droplets": names, "warnings": warnings})
    if not dry_run:
        invocation.console.note(f"destroyed: {', '.join(names)}")


def _targets_by_kind(targets: "Targets") -> dict[str, list[str]]:
    """Return the names of what is deleted, by kind, in the order of deletion."""
    return {
        "droplet": [d.name for d in targets.droplets],
        "firewall": [f.name for f in targets.firewalls],
        "load balancer": [b.name for b in targets.balancers],
        "certificate": [c.name for c in targets.certificates],
        "reserved IP": [r.ip for r in targets.reserved_ips],
        "SSH key": [k.name for k in targets.ssh_keys],
        "vpc": [v.name for v in targets.vpcs],
        "snapshot": [s.name for s in targets.snapshots],
        "tag": list(targets.tags),
    }


def _print_json(invocation: Invocation, targets: "Targets") -> None:
    if not invocation.settings.json:
        return
    value: dict[str, Any] = {
        f"{kind.lower().replace(' ', '_')}s": names for kind, names in _targets_by_kind(targets).items()
    }
    value["kept"] = [{"kind": k.kind, "name": k.name, "reason": k.reason} for k in targets.not_removed]
    print_answer(invocation.settings, "destroy", value)


def _show(invocation: Invocation, targets: "Targets", print_line: Callable[[Text], None]) -> None:
    console, out = invocation.console, print_line == invocation.console.print
    minus = console.style("-", "red", out=out)
    found = {kind: names for kind, names in _targets_by_kind(targets).items() if names}
    width = max(map(len, [*found, *(kept.kind for kept in targets.not_removed)]), default=0)
    on_terminal = width_of(sys.stdout if out else sys.stderr) is not None
    for kind, names in found.items():
        for name in _of_one(names) if kind == "tag" and on_terminal and not invocation.settings.verbose else names:
            print_line(f"  {minus} {kind:<{width}} {name}")
    if targets.empty:
        print_line(f"cluster {invocation.config.cluster} has no resources here")
    for kept in targets.not_removed:
        print_line(f"    {kept.kind:<{width}} {kept.name} is not deleted: {kept.reason}")
    if not targets.empty:
        print_line(_tally(invocation, found, targets))


def _of_one(tags: list[str]) -> list[str]:
    """Return one line in place of the tags if the shortest, the cluster's own, begins all of them."""
    shortest = min(tags, key=len)
    if len(tags) == 1 or not all(tag.startswith(shortest) for tag in tags):
        return tags
    return [f"{shortest} and {len(tags) - 1} more that begin with it (-v lists them)"]


def _tally(invocation: Invocation, found: dict[str, list[str]], targets: "Targets") -> str:
    """Return how much is deleted, and how much that saves a month."""
    from bakery.operations.destroy_cluster import price_of_targets

    parts = [counted(len(names), kind) for kind, names in found.items()]
    price = price_of_targets(invocation, targets)
    saved = "" if price is None else f"; saves ${price:.2f} a month"
    return f"{', '.join(parts)} to delete{saved}"


def _ask_for_some(invocation: Invocation, confirmed: str | None, removal: "Removal") -> None:
    from bakery.operations.place import was_launched_here

    if was_launched_here(invocation.paths):
        invocation.confirm(f"destroy {', '.join(droplet.name for droplet in removal.droplets)}?")
        return
    _ask_for_name(invocation, confirmed, len(removal.members))


def _ask_for_name(invocation: Invocation, confirmed: str | None, droplets: int) -> None:
    """Ask for the cluster's name, unless an option gives it: losing a cluster is severe (https://clig.dev/).

    ``droplets`` is how many the cluster has. Without a record that they were launched from here, they may
    be another user's cluster of the same name, which a script's ``--yes`` did not mean.
    """
    from bakery.operations.place import was_launched_here

    cluster = invocation.config.cluster
    if confirmed == cluster:
        return
    if droplets and not was_launched_here(invocation.paths):
        _refuse_without_record(invocation, droplets)
    elif invocation.settings.yes:
        return
    need_terminal(f"add --yes, or --confirm {cluster}")
    typed = ask("type the cluster's name to destroy it")
    if typed != cluster:
        message = f"{typed!r} is not the cluster's name; nothing was destroyed"
        raise UsageError(message=message, hint=f"type {cluster}, or give --confirm {cluster}")


def _refuse_without_record(invocation: Invocation, droplets: int) -> None:
    """Warn on a terminal, where the name can be typed; raise UsageError elsewhere."""
    cluster = invocation.config.cluster
    there = f"cluster {cluster} has {counted(droplets, 'droplet')}"
    here = f"{invocation.paths.folder} has neither its credentials nor a record that it was launched from here"
    if not has_terminal():
        message = f"{there}, and {here}; --yes is not enough"
        raise UsageError(message=message, hint=f"if you mean that cluster: --confirm {cluster}")
    invocation.console.warn(f"{there}, and {here}")
