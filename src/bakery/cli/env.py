"""``bakery env``: the variables that make consul and nomad talk to the cluster."""

from datetime import timedelta

import click

from bakery.cli import env_path
from bakery.cli.answers import print_answer
from bakery.cli.invocation import invocation_of
from bakery.cli.options import common_options
from bakery.cli.person import Duration, as_option
from bakery.cli.shells import SHELLS, set_lines, unset_lines
from bakery.cli.values import Choice
from bakery.cli.where import other_cloud_option
from bakery.errors import UsageError
from bakery.hints import Command, Hint


@click.command()
@click.option("--unset", is_flag=True, help="Print unset lines for the same variables.")
@click.option(
    "--shell",
    type=Choice(SHELLS),
    default="sh",
    show_default=True,
    help="The shell to print for; sh fits bash and zsh.",
)
@click.option(
    "--ttl",
    type=Duration(),
    metavar="DURATION",
    help="How long the tokens are valid at most: 90m, 8h or 30d.  [default: 8h]",
)
@click.option("--management", is_flag=True, help="Print the management tokens, which do not expire.")
@as_option
@other_cloud_option
@common_options
@click.pass_context
def env(
    context: click.Context,
    unset: bool,  # noqa: FBT001 - a click flag
    shell: str,
    ttl: timedelta | None,
    management: bool,  # noqa: FBT001 - a click flag
    person: str | None,
    other_cloud: bool,  # noqa: FBT001 - a click flag
) -> None:
    """Print shell exports for the consul and nomad programs: eval "$(bakery env)".

    They contain tokens that expire: evaluate them, do not save them to a file. The tokens of an earlier run are
    printed again while half of their time is left. They give no right to secrets that outlive them: ACLs, gossip
    keys, snapshots. For these, and for Nomad's namespaces, Raft and garbage collection, run bakery consul and
    bakery nomad, which use the management tokens, or add --management.

    If consul and nomad of the cluster's versions are not on PATH but in bakery's cache, the exports also put them
    on PATH.

    The certificate in the exported files lasts a day. Run "bakery status" to renew it.

    \b
    Examples:
      eval "$(bakery env)"
      eval "$(bakery env --unset)"
      bakery env --shell fish | source
      bakery env --shell powershell | Out-String | Invoke-Expression
    """
    from concurrent.futures import ThreadPoolExecutor

    from bakery.operations.collect_env import Rights, collect_env
    from bakery.operations.env_variables import CONSUL_VARIABLES, NOMAD_VARIABLES
    from bakery.operations.operator_tokens import WORKING_DAY

    _check_one_choice(ttl, person, management=management)
    invocation = invocation_of(context)
    if unset:
        names = (*CONSUL_VARIABLES, *NOMAD_VARIABLES)
        if invocation.settings.json:
            print_answer(invocation.settings, "env-unset", {"unset": [*names, env_path.VARIABLE]})
            return
        invocation.console.print("\n".join(unset_lines(shell, names)))
        return
    if invocation.settings.json:
        message = "env prints tokens, and bakery never prints tokens as JSON"
        raise UsageError(message=message, hint=Hint('eval "$(', Command("env"), ')"'))
    rights = Rights(person=person, management=management, ttl=ttl or WORKING_DAY)
    # At the same time: the digests of the programs take as long as all requests to the agents.
    with ThreadPoolExecutor(max_workers=1) as pool:
        finding = pool.submit(env_path.find_programs, invocation.config.image)
        values = collect_env(invocation, rights, other_cloud=other_cloud)
        programs = finding.result()
    invocation.console.print("\n".join(set_lines(shell, values, programs)))
    advice = env_path.advice(programs)
    if advice is not None:
        invocation.console.warn(advice)


def _check_one_choice(ttl: timedelta | None, person: str | None, *, management: bool) -> None:
    given = [name for name, value in (("--ttl", ttl), ("--as", person), ("--management", management)) if value]
    if len(given) > 1:
        message = f"{' and '.join(given)} cannot be combined"
        raise UsageError(message=message, hint="--ttl is for the tokens of your own shell")
