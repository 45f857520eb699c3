"""``bakery init``: a commented cluster file."""

import re
import shlex
from ipaddress import IPv4Network
from pathlib import Path

import click
from click.core import ParameterSource

from bakery.cli import completions
from bakery.cli.answers import print_answer
from bakery.cli.init_questions import Answers, ask_for_cluster
from bakery.cli.invocation import Invocation, invocation_of
from bakery.cli.options import common_options
from bakery.cli.prompts import has_terminal
from bakery.console import counted
from bakery.errors import CloudError, ConfigError, CredentialsError, UsageError
from bakery.hints import Command, Hint, joined

CHOICES = ("cluster", "region", "small", "force")
"""Options after which nothing is asked."""


@click.command()
@click.option(
    "--cluster", metavar="NAME", help="Name of the cluster (default: the folder's name if it is valid, else demo)."
)
@click.option(
    "--region",
    default="fra1",
    show_default=True,
    metavar="SLUG",
    shell_complete=completions.regions,
    help="DigitalOcean region.",
)
@click.option("--small", is_flag=True, help="A cluster of one droplet, which runs everything, in place of nine.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
@common_options
@click.pass_context
def init(
    context: click.Context,
    cluster: str | None,
    region: str,
    small: bool,  # noqa: FBT001 - a click flag
    force: bool,  # noqa: FBT001 - a click flag
) -> None:
    """Write a commented bakery.yaml that contains every default; with -f - print it.

    On a terminal and without options it first asks for name, region, sizes, counts and networks; Enter takes the
    default of each question, and --yes those of all.

    With a token (or --local), vpc.cidr becomes a range that overlaps no VPC of the account, and a warning is
    printed if the account already has a cluster of this name.

    \b
    Examples:
      bakery init
      bakery init --cluster prod --region ams3
      bakery init --small
    """
    from bakery.config.load import STDIN, parse_cluster
    from bakery.config.template import cluster_file
    from bakery.files import write_atomically

    invocation = invocation_of(context)
    path = invocation.settings.cluster_file
    prints = path == STDIN
    if path.is_dir():
        message = f"{path} is a folder"
        raise UsageError(message=message, hint=f"name a file in it: -f {shlex.quote(str(path / 'bakery.yaml'))}")
    if path.exists() and not force:
        message = f"{path} exists"
        raise UsageError(message=message, hint="--force replaces it, -f FILE writes another")
    name = _name_from(Path.cwd()) if cluster is None else cluster
    answers = Answers(cluster=name, region=region, small=small)
    if _asks(context, invocation):
        answers = ask_for_cluster(invocation, answers)
    vpc_cidr = _vpc_range(invocation, answers.cluster)
    text = cluster_file(vpc_cidr=vpc_cidr, **vars(answers))
    try:
        config = parse_cluster(text, path)
    except ConfigError as error:
        raise _of_flags(error) from error
    for warning in config.warnings:
        invocation.console.warn(warning)
    if prints:
        invocation.console.print(text)
        return
    try:
        write_atomically(path, text.encode())
    except OSError as error:
        message = f"cannot write {path}"
        raise UsageError(message=message, details=error.strerror, hint="-f FILE writes another") from error
    if invocation.settings.json:
        print_answer(invocation.settings, "init", {"file": str(path), "vpc_cidr": vpc_cidr})
    invocation.console.note(f"wrote {path}")
    invocation.console.note(Hint("next: ", joined(", ", _next_commands(invocation, config.region))))


def _next_commands(invocation: Invocation, region: str) -> tuple[Command, ...]:
    """Return what is run next: droplets in memory boot no baked snapshot, and do not become healthy."""
    from bakery.launch.base.agentless import asks_agents_in_vain
    from bakery.launch.converge.preflight_image import image_command

    in_memory = invocation.settings.local and asks_agents_in_vain(invocation.quick_cloud, region)
    until = ("--wait", "active") if in_memory else ()
    return Command("plan"), image_command(bakes=not in_memory), Command("launch", *until)


def _asks(context: click.Context, invocation: Invocation) -> bool:
    """Whether to ask: on a terminal, unless an option says what to write, or that nothing is asked."""
    settings = invocation.settings
    given = [name for name in CHOICES if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    prints = settings.json or settings.cluster_file == Path("-")
    return has_terminal() and not (given or settings.yes or prints)


def _vpc_range(invocation: Invocation, cluster: str) -> str:
    """Return the default range, or a free one if a VPC of the account overlaps the default."""
    from bakery.config.defaults import VPC_CIDR
    from bakery.config.networks import free_range
    from bakery.plan.tags import cluster_tag

    if not (invocation.settings.local or invocation.names_token):
        return VPC_CIDR
    try:
        cloud = invocation.quick_cloud
        vpcs = cloud.list_vpcs()
        droplets = cloud.list_droplets(tag=cluster_tag(cluster))
    except (CredentialsError, CloudError) as error:
        unknown = f"the account's VPCs are not known: {error}"
        invocation.console.warn(f"vpc.cidr is the default, {VPC_CIDR}; {unknown}")
        return VPC_CIDR
    _tell_of_droplets(invocation, cluster, len(droplets))
    own = next((vpc.ip_range for vpc in vpcs if vpc.name == f"bakery-{cluster}"), None)
    found = own or free_range(IPv4Network(vpc.ip_range, strict=False) for vpc in vpcs)
    if found is not None and own is None and str(found) != VPC_CIDR:
        invocation.console.note(f"vpc.cidr is {found}: a VPC of the account overlaps {VPC_CIDR}, the default")
    return VPC_CIDR if found is None else str(found)


def _tell_of_droplets(invocation: Invocation, cluster: str, droplets: int) -> None:
    """Warn if the cluster has droplets but no credentials here: they are needed to work on it."""
    from bakery.config.paths import state_paths
    from bakery.operations.credentials import has_credentials

    paths = state_paths(invocation.settings.cluster_file, cluster)
    if droplets and not has_credentials(paths):
        there = f"cluster {cluster} has {counted(droplets, 'droplet')} in this account"
        way_out = f"bring them back (.bakery/{cluster}/), or choose another name with --cluster"
        invocation.console.warn(f"{there}, and {paths.folder} has no credentials of it: {way_out}")


def _of_flags(error: ConfigError) -> UsageError:
    """Return the error without a line number, because the file does not exist yet."""
    first = error.problems[0]
    return UsageError(message=first.message, hint=first.hint)


def _name_from(folder: Path) -> str:
    return folder.name if re.fullmatch(r"[a-z]([a-z0-9-]{0,28}[a-z0-9])?", folder.name) else "demo"
