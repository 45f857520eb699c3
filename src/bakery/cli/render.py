"""``bakery render``: user-data for Terraform, a droplet autoscale pool or the control panel."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bakery.cli import completions
from bakery.cli.answers import print_answer
from bakery.cli.invocation import Invocation, invocation_of
from bakery.cli.options import common_options_without_o
from bakery.cli.output import ensure_folder, warn_if_git_takes, warn_if_git_takes_state, write_errors
from bakery.cli.values import once
from bakery.cli.where import other_cloud_option
from bakery.errors import UsageError
from bakery.hints import Command

if TYPE_CHECKING:
    from bakery.plan.model import ClusterPlan
    from bakery.render.model import Join

HOW_TO = """\
by hand:   create a droplet from the snapshot in VPC {vpc}, region {region},
           with tags {tags};
           paste the file as user-data (under "Advanced options");
           add an SSH key; without one DigitalOcean mails a root password
terraform: user_data = file("{file}")
then:      {bootstrap} (creates the ACL tokens in it; safe to repeat)
the file holds private keys and tokens: keep it as private as .bakery/"""
INTRODUCE = """\
strict:    Nomad refuses a node made from this file unless it brings a token, which is valid for half an hour:
             {create}
           add it to the droplet's user-data as a file of write_files: {path}, permissions 0600.
           The droplets of an autoscale pool cannot bring one: they need security.client_introduction: warn"""


@click.command()
@click.option(
    "--role",
    required=True,
    multiple=True,
    callback=once,
    metavar="ROLE",
    shell_complete=completions.roles,
    help="Role of the cluster file.",
)
@click.option(
    "--node",
    shell_complete=completions.nodes,
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
@common_options_without_o
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
    from bakery.config.findings import name_hint
    from bakery.files import write_secret_file
    from bakery.operations.credentials import warn_of_other_ca
    from bakery.operations.render_by_hand import live_join, render_user_data

    invocation = invocation_of(context)
    plan = invocation.plan()
    known = sorted({planned.role for planned in plan.nodes} | {r.name for r in invocation.config.roles})
    if role not in known:
        message = f"there is no role {role}"
        raise UsageError(message=message, hint=name_hint(role, known))
    join = _join(joins, first=first)
    if join is None:
        join = live_join(invocation, plan, other_cloud=other_cloud)
    else:
        warn_of_other_ca(invocation)
    with render_user_data(invocation, plan, join, role=role, node=node) as rendered:
        user_data = rendered.user_data
        file = output / f"{user_data.name}.yaml"
        with write_errors(file):
            ensure_folder(output)
            write_secret_file(file, user_data.text.encode())
    warn_if_git_takes(file, invocation.console)
    warn_if_git_takes_state(invocation.paths, invocation.console)
    if invocation.settings.json:
        print_answer(invocation.settings, "render", {"file": str(file), "bytes": user_data.size})
    else:
        invocation.console.print(str(file))
    tags, then = ", ".join(rendered.tags), invocation.settings.spell(Command("bootstrap"))
    invocation.console.note(
        HOW_TO.format(vpc=plan.vpc_name, region=plan.region, tags=tags, file=file, bootstrap=then)
    )
    if node is None:
        _note_introduction(invocation, plan, role)


def _note_introduction(invocation: Invocation, plan: "ClusterPlan", role: str) -> None:
    """Say how nodes of the role become Nomad clients, if bakery cannot introduce them to strict servers."""
    from bakery.render.paths import NOMAD_INTRODUCTION

    node = next(planned for planned in plan.nodes if planned.role == role)
    if plan.introduces_clients and node.kind.is_separate_client:
        arguments = ("node", "intro", "create", "-node-name=NAME", f"-node-pool={node.node_pool}")
        create = invocation.settings.spell(Command("nomad", *arguments))
        invocation.console.note(INTRODUCE.format(create=create, path=NOMAD_INTRODUCTION))


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
