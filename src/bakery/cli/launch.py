"""``bakery launch``: create missing droplets, wave by wave, and wait until the cluster is healthy."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from bakery.cli.admin_cidrs import admin_cidr_option, admin_cidrs
from bakery.cli.cluster import absent_of, list_cluster_droplets, running_of
from bakery.cli.options import common_options
from bakery.cli.preview import preview_launch
from bakery.cli.scaling import Scaling, check_saving, save_scaling, scaling_of, tell_scaling
from bakery.cli.session import Session, session_of
from bakery.cli.values import Choice, WholeNumber, once
from bakery.cli.where import check_cloud, cloud_json, cloud_line, keep_cloud, other_cloud_option
from bakery.console import counted
from bakery.errors import ExitCode, UsageError
from bakery.hints import Command, Hint

if TYPE_CHECKING:
    from bakery.cloud.model import Droplet
    from bakery.credentials.model import Bundle, NodeCredentials
    from bakery.launch.base.model import AfterStep, Changes, UserDataFor
    from bakery.plan.model import ClusterPlan, Node
    from bakery.render.model import Join


@click.command()
@click.option("--role", multiple=True, callback=once, metavar="ROLE", help="Create droplets of this role only.")
@click.option(
    "--count", type=WholeNumber(1), metavar="N", help="With --role: its number of nodes in all, for this run only."
)
@click.option("--save", is_flag=True, help="With --count: write the count into the cluster file.")
@click.option(
    "--wait",
    "until",
    type=Choice(["healthy", "active"]),
    default="healthy",
    show_default=True,
    help="What to wait for: a healthy cluster, or active droplets (they may still boot).",
)
@click.option(
    "--deadline",
    type=WholeNumber(1),
    metavar="SECONDS",
    default=900,
    show_default=True,
    help="How long to wait for a healthy cluster.",
)
@admin_cidr_option
@click.option("--dry-run", is_flag=True, help="Show what would change, and exit.")
@other_cloud_option
@common_options
@click.pass_context
def launch(
    context: click.Context,
    role: str | None,
    count: int | None,
    save: bool,  # noqa: FBT001 - a click flag
    until: str,
    deadline: int,
    cidrs: tuple[str, ...],
    dry_run: bool,  # noqa: FBT001 - a click flag
    other_cloud: bool,  # noqa: FBT001 - a click flag
) -> int:
    """Create missing droplets until each role has its count, and wait until the cluster is healthy.

    Safe to repeat: it creates only what is missing. A droplet of an earlier run that never became active, or whose
    agents never joined the cluster, is replaced. Droplets that are not in the plan are reported, not destroyed.

    \b
    Examples:
      bakery launch
      bakery launch --role nomad-client --count 5 --save
    """
    from bakery.launch.base.model import LaunchRequest
    from bakery.launch.converge.snapshot import newest_snapshot
    from bakery.operations.context import open_session
    from bakery.operations.launch_cluster import launch as run_launch

    session = session_of(context)
    scaling = scaling_of(role, count, save=save)
    plan = session.plan({scaling.role: scaling.count} if scaling else None)
    _check_role(session, role)
    check_saving(session, scaling)
    cloud = session.cloud  # raises before the first request if the token is missing
    networks = admin_cidrs(session, cidrs)
    if dry_run:
        changes = preview_launch(session, plan, networks, other_cloud=other_cloud, only_role=role)
        return _tell(session, changes)
    known = _has_credentials(session)
    check_cloud(session, insists=other_cloud)
    bundle = _bundle(session, plan, known=known)
    request = LaunchRequest(
        plan=plan,
        image=newest_snapshot(cloud, session.config, session.content_tag()),
        ca_fingerprint=fingerprint(bundle),
        generation=bundle.generation,
        admin_cidrs=networks,
        user_data=user_data_for(plan, bundle),
        throwaway_public_key=throwaway(),
        only_role=role,
        find_not_joined=absent_of(session, plan),
    )
    after = _after(session, plan, bundle, deadline) if until == "healthy" else ()
    result = run_launch(open_session(session, running_of(session)), request, _approval(session, scaling), after)
    keep_cloud(session)
    save_scaling(session, scaling)
    _finish(session, plan, result.droplets, scaling, created=len(result.created), healthy=until == "healthy")
    return ExitCode.DONE


def _tell(session: Session, changes: "Changes") -> ExitCode:
    """``--dry-run``: what a launch would do, and the code it would be refused with."""
    from bakery.cli.changes_view import changes_json, show_verdict
    from bakery.launch.converge.verdict import exit_code_of

    session.print_or_note(cloud_line(session))
    show_verdict(session.console, changes, session.print_or_note)
    if session.settings.json:
        session.console.print_json({"cloud": cloud_json(session)} | changes_json(changes, session.settings.spell))
    return exit_code_of(changes)


def _check_role(session: Session, role: str | None) -> None:
    known = [r.name for r in session.config.roles]
    if role is not None and role not in known:
        message = f"cluster {session.config.cluster} has no role {role}"
        raise UsageError(message=message, hint=f"roles of {session.config.path}: {', '.join(known)}")


def _has_credentials(session: Session) -> bool:
    """Raises CredentialsError for credentials that cannot be read: that is said before anything else."""
    from bakery.credentials.store import find_bundle

    return find_bundle(session.paths) is not None


def _bundle(session: Session, plan: "ClusterPlan", *, known: bool) -> "Bundle":
    """The credentials; made on a first launch, never beside droplets that were made with others."""
    from bakery.credentials.operator import write_operator_files
    from bakery.credentials.store import ensure_bundle
    from bakery.launch.converge.preflight import check_trust

    paths = session.paths
    if not known:
        check_trust(list_cluster_droplets(session, plan), plan.cluster, None)
    paths.ensure()
    now = datetime.now(UTC)
    bundle = ensure_bundle(paths, plan.cluster, now=now, reporter=session.console)
    write_operator_files(bundle, paths, now=now)
    return bundle


def fingerprint(bundle: "Bundle") -> str:
    """Return the fingerprint of the Consul CA."""
    from bakery.credentials.authority import ca_fingerprint

    return ca_fingerprint(bundle)


def throwaway() -> str:
    """Return a new public SSH key; its private key is not kept."""
    from bakery.credentials.throwaway import throwaway_public_key

    return throwaway_public_key()


def user_data_for(plan: "ClusterPlan", bundle: "Bundle") -> "UserDataFor":
    """Return a function that renders a node's user-data. The first call for a node issues its certificate."""
    from bakery.credentials.issue import issue_for_node
    from bakery.render.user_data import render_node

    issued: dict[str, NodeCredentials] = {}

    def user_data(node: "Node", join: "Join") -> str:
        if node.name not in issued:
            now = datetime.now(UTC)
            issued[node.name] = issue_for_node(
                bundle, name=node.name, kind=node.kind, now=now, leaf_days=plan.leaf_days
            )
        return render_node(plan, node, issued[node.name], join).text

    return user_data


def _approval(session: Session, scaling: Scaling | None) -> "Callable[[Changes], bool]":
    from bakery.cli.changes_view import show_changes

    def approve(changes: "Changes") -> bool:
        session.note_before_question(cloud_line(session))
        show_changes(session.console, changes, session.note_before_question)
        session.confirm("make these changes?")
        keep_cloud(session)
        save_scaling(session, scaling)
        return True

    return approve


def write_acls(
    session: Session, named: "ClusterPlan", bundle: "Bundle", droplets: "tuple[Droplet, ...]", deadline: float
) -> None:
    """Bootstrap the ACLs and write the tokens of the plan's nodes, whose names are those of their droplets."""
    from bakery.credentials.issue import rendered_roles
    from bakery.launch.acl.ensure import ensure_acls

    ensure_acls(
        named,
        session.config.roles,
        bundle,
        session.agents(bundle),
        rendered=rendered_roles(session.paths),
        droplets=droplets,
        consul_servers=public_addresses(droplets, named.consul_servers),
        nomad_servers=public_addresses(droplets, named.nomad_servers),
        seconds=deadline,
        reporter=session.console,
    )


def _after(session: Session, plan: "ClusterPlan", bundle: "Bundle", deadline: int) -> "tuple[AfterStep, ...]":
    from bakery.launch.base.model import AfterStep
    from bakery.observe.health import wait_until_healthy

    clients = session.agents(bundle)

    def acls(droplets: "tuple[Droplet, ...]") -> None:
        write_acls(session, _existing(plan, droplets), bundle, droplets, deadline)

    def health(droplets: "tuple[Droplet, ...]") -> None:
        wait_until_healthy(
            _existing(plan, droplets),
            lambda: list_cluster_droplets(session, plan),
            clients,
            seconds=deadline,
            reporter=session.console,
        )

    return (
        AfterStep(title="Access control", run=acls, forms_cluster=True),
        AfterStep(title="Health", run=health),
    )


def _existing(plan: "ClusterPlan", droplets: "tuple[Droplet, ...]") -> "ClusterPlan":
    """The plan cut to the nodes that exist, by their names: a launch of one role does not wait for the others."""
    from bakery.plan.slots import as_running, slot_of

    slots = {slot_of(droplet, plan.cluster) for droplet in droplets}
    named = as_running(plan, droplets)
    return replace(named, nodes=tuple(node for node in named.nodes if node.slot in slots))


def public_addresses(droplets: "tuple[Droplet, ...]", nodes: "tuple[Node, ...]") -> tuple[str, ...]:
    """Return the public addresses of the nodes' droplets."""
    addresses = {droplet.name: droplet.public_ipv4 for droplet in droplets}
    return tuple(address for node in nodes if (address := addresses.get(node.name)))


def _finish(
    session: Session,
    plan: "ClusterPlan",
    droplets: "tuple[Droplet, ...]",
    scaling: Scaling | None,
    *,
    created: int,
    healthy: bool,
) -> None:
    if session.settings.json:
        session.console.print_json(
            {
                "cluster": plan.cluster,
                "created": created,
                "healthy": healthy,
                "saved": scaling is not None and scaling.saves,
                "droplets": [
                    {"name": d.name, "id": d.id, "public_ipv4": d.public_ipv4, "private_ipv4": d.private_ipv4}
                    for d in droplets
                ],
            }
        )
    state = "healthy" if healthy else "active"
    session.console.note(f"{plan.cluster} is {state}: {counted(len(droplets), 'droplet')}, {created} new")
    tell_scaling(session, scaling)
    # Droplets that are active may have no agents yet.
    tools = Hint('eval "$(', Command("env"), ')"; consul members; nomad node status')
    session.console.note(Hint("next: ", tools if healthy else Command("status")))
