"""``bakery env``: the variables that make consul and nomad talk to the cluster."""

import shlex

import click

from bakery.cli import env_path
from bakery.cli.options import common_options
from bakery.cli.person import as_option
from bakery.cli.session import session_of
from bakery.cli.where import other_cloud_option
from bakery.errors import UsageError
from bakery.hints import Command, Hint


@click.command()
@click.option("--unset", is_flag=True, help="Print unset lines for the same variables.")
@as_option
@other_cloud_option
@common_options
@click.pass_context
def env(context: click.Context, unset: bool, person: str | None, other_cloud: bool) -> None:  # noqa: FBT001 - click flags
    """Print shell exports for the consul and nomad programs: eval "$(bakery env)".

    They contain the management tokens: evaluate them, do not save them to a file. If consul and nomad of the
    cluster's versions are not on PATH but in bakery's cache, the exports also put them on PATH.

    The certificate in the exported files lasts a day. Run "bakery status" to renew it.
    """
    from bakery.operations.collect_env import collect_env
    from bakery.operations.env_variables import CONSUL_VARIABLES, NOMAD_VARIABLES

    session = session_of(context)
    if unset:
        names = (*CONSUL_VARIABLES, *NOMAD_VARIABLES)
        if session.settings.json:
            session.console.print_json({"unset": [*names, env_path.VARIABLE]})
            return
        session.console.print("\n".join([*(f"unset {name}" for name in names), *env_path.FORGET]))
        return
    if session.settings.json:
        message = "env prints tokens, and bakery never prints tokens as JSON"
        raise UsageError(message=message, hint=Hint('eval "$(', Command("env"), ')"'))
    values = collect_env(session, other_cloud=other_cloud, person=person)
    lines = [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    image = session.config.image
    programs = env_path.find_programs(image.consul, image.nomad)
    session.console.print("\n".join([*lines, *env_path.exports(programs)]))
    advice = env_path.advice(programs)
    if advice is not None:
        session.console.warn(advice)
