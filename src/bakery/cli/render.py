"""``bakery render``: user-data for Terraform, a droplet autoscale pool or the control panel."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bakery.cli.options import common_options
from bakery.cli.output import ensure_folder, warn_if_git_takes, write_errors
from bakery.cli.session import Session, session_of
from bakery.cli.values import once
from bakery.cli.where import check_cloud, other_cloud_option
from bakery.errors import UsageError
from bakery.hints import Command

if TYPE_CHECKING:
    from bakery.config.model import Kind
    from bakery.credentials.model import Bundle, NodeCredentials
    from bakery.plan.model import ClusterPlan, Node
    from bakery.render.model import Join, UserData

HOW_TO = """\
by hand:   create a droplet from the snapshot in VPC {vpc}, region {region},
           with tags {tags};
           paste the file as user-data (under "Advanced options");
           add an SSH key; without one DigitalOcean mails a root password
terraform: user_data = file("{file}")
then:      {bootstrap} (creates the ACL tokens in it; safe to repeat)
the file holds private keys and tokens: keep it as private as .bakery/"""


@click.command()
@click.option(
    "--role", required=True, multiple=True, callback=once, metavar="ROLE", help="Role of the cluster file."
)
@click.option(
    "--node",
    multiple=True,
    callback=once,
    metavar="NAME",
    help="Render for this node of the plan only; without it the file fits every node of the role.",
)
@click.option(
    "--join",
    "joins",
    multiple=True,
    metavar="ADDR",
    help="Private address of a Consul server to join. Repeatable.",
)
@click.option(
    "--first", is_flag=True, help="Render the first server of a new cluster, which has no server to join."
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, metavar="FOLDER", help="Folder to write to."
)
@other_cloud_option
@common_options
@click.pass_context
def render(
    context: click.Context,
    role: str,
    node: str | None,
    joins: tuple[str, ...],
    first: bool,  # noqa: FBT001 - a click flag
    output: Path,
    other_cloud: bool,  # noqa: FBT001 - a click flag
) -> None:
    """Write a user-data file for a role: for Terraform, a droplet autoscale pool or DigitalOcean's control panel.

    The servers to join are those of the running cluster, unless --join or --first is given.

    \b
    Examples:
      bakery render --role nomad-client -o rendered/
      bakery render --role consul-server --first -o rendered/
    """
    from bakery.credentials.store import ensure_bundle
    from bakery.files import write_secret_file

    session = session_of(context)
    plan = session.plan()
    known = sorted({planned.role for planned in plan.nodes} | {r.name for r in session.config.roles})
    if role not in known:
        message = f"there is no role {role}"
        raise UsageError(message=message, hint=f"roles of this file: {', '.join(known)}")
    join = _join(joins, first=first)
    if join is None:
        join = _live_join(session, plan, other_cloud=other_cloud)
    else:
        _refuse_second_ca(session, plan)
    now = datetime.now(UTC)
    session.paths.ensure()
    bundle = ensure_bundle(session.paths, plan.cluster, now=now, reporter=session.console)
    user_data = _render(session, plan, bundle, role=role, node=node, join=join, now=now)
    file = output / f"{user_data.name}.yaml"
    with write_errors(file):
        ensure_folder(output)
        write_secret_file(file, user_data.text.encode())
    warn_if_git_takes(file, session.console)
    if session.settings.json:
        session.console.print_json({"file": str(file), "bytes": user_data.size})
    else:
        session.console.print(str(file))
    tags, then = ", ".join(_tags(plan, role, bundle.generation)), session.settings.spell(Command("bootstrap"))
    session.console.note(
        HOW_TO.format(vpc=plan.vpc_name, region=plan.region, tags=tags, file=file, bootstrap=then)
    )


def _render(
    session: Session,
    plan: "ClusterPlan",
    bundle: "Bundle",
    *,
    role: str,
    node: str | None,
    join: "Join",
    now: datetime,
) -> "UserData":
    from bakery.credentials.issue import role_credentials
    from bakery.render.user_data import render_node, render_role

    def credentials_of(subject: str, kind: "Kind") -> "NodeCredentials":
        return role_credentials(bundle, session.paths, role=subject, kind=kind, now=now, leaf_days=plan.leaf_days)

    if node is None:
        kind = next(r.kind for r in session.config.roles if r.name == role)
        return render_role(plan, role, credentials_of(role, kind), join)
    planned = _find_node(plan, role, node)
    # Stored under the node's name, as a role's are, so that a second rendering gives the same bytes.
    credentials = credentials_of(node, planned.kind)
    return render_node(plan, planned, credentials, join)


def _find_node(plan: "ClusterPlan", role: str, name: str) -> "Node":
    for node in plan.nodes:
        if node.name == name and node.role == role:
            return node
    message = f"role {role} has no node {name}"
    raise UsageError(message=message, hint="nodes: " + ", ".join(n.name for n in plan.nodes if n.role == role))


def _join(joins: tuple[str, ...], *, first: bool) -> "Join | None":
    """Return the servers to join by the options; None if the running cluster must be asked."""
    from bakery.render.model import Join

    if joins and first:
        message = "--first and --join cannot be combined"
        raise UsageError(message=message, hint="give one of them")
    if first:
        return Join(consul=(), nomad=(), forms_consul=True, forms_nomad=True)
    if joins:
        # Whether that cluster has Nomad servers is not known here.
        return Join(consul=joins, nomad=(), forms_nomad=True)
    return None


def _refuse_second_ca(session: Session, plan: "ClusterPlan") -> None:
    """Check that no second CA is made for a running cluster.

    Raises:
        CredentialsError: the cluster has droplets, and its credentials are not here.
    """
    from bakery.cli.cluster import droplets_or_reason
    from bakery.credentials.store import find_bundle
    from bakery.launch.converge.preflight import check_trust

    if find_bundle(session.paths) is not None:
        return
    droplets = droplets_or_reason(session, plan.cluster)
    if isinstance(droplets, str):
        made = f"new credentials are made for cluster {plan.cluster}"
        session.console.warn(f"{made} without checking whether it has droplets already: {droplets}")
    else:
        check_trust(droplets, plan.cluster, None)


def _live_join(session: Session, plan: "ClusterPlan", *, other_cloud: bool) -> "Join":
    from bakery.credentials.store import find_bundle
    from bakery.render.model import Join

    find_bundle(session.paths)  # raises first, as in launch, if the credentials cannot be read
    check_cloud(session, insists=other_cloud)
    droplets = _addresses(session, plan)
    consul = tuple(droplets[n.slot] for n in plan.consul_servers if n.slot in droplets)
    nomad = tuple(droplets[n.slot] for n in plan.nomad_servers if n.slot in droplets)
    if not consul:
        message = f"cluster {plan.cluster} has no Consul server to join"
        raise UsageError(message=message, hint="--join ADDR names one; --first renders a first server")
    return Join(consul=consul, nomad=nomad, forms_nomad=not nomad)


def _addresses(session: Session, plan: "ClusterPlan") -> "dict[str, str]":
    """Return the private addresses of the cluster's droplets by slot; raise if its credentials are not here."""
    from bakery.cli.cluster import list_cluster_droplets
    from bakery.credentials.authority import ca_fingerprint
    from bakery.credentials.store import find_bundle
    from bakery.launch.converge.preflight import check_trust
    from bakery.plan.slots import slot_of

    droplets = list_cluster_droplets(session, plan)
    bundle = find_bundle(session.paths)
    check_trust(droplets, plan.cluster, ca_fingerprint(bundle) if bundle else None)
    return {slot_of(d, plan.cluster): d.private_ipv4 for d in droplets if d.private_ipv4}


def _tags(plan: "ClusterPlan", role: str, generation: int) -> tuple[str, ...]:
    from bakery.plan.tags import cluster_tag, generation_tag, role_tag

    return cluster_tag(plan.cluster), role_tag(plan.cluster, role), generation_tag(plan.cluster, generation)
