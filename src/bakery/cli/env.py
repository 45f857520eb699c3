"""``bakery env``: the variables that make consul and nomad talk to the cluster."""

import shlex
from collections.abc import Mapping

import click

from bakery.cli import env_path
from bakery.cli.options import common_options
from bakery.cli.session import Session, session_of
from bakery.cli.where import check_cloud, other_cloud_option
from bakery.errors import UsageError
from bakery.hints import Command, Hint

VARIABLES = (
    "CONSUL_HTTP_ADDR", "CONSUL_HTTP_SSL", "CONSUL_CACERT", "CONSUL_CLIENT_CERT", "CONSUL_CLIENT_KEY",
    "CONSUL_TLS_SERVER_NAME", "CONSUL_HTTP_TOKEN", "NOMAD_ADDR", "NOMAD_CACERT", "NOMAD_CLIENT_CERT",
    "NOMAD_CLIENT_KEY", "NOMAD_TLS_SERVER_NAME", "NOMAD_TOKEN",
)  # fmt: skip


@click.command()
@click.option("--unset", is_flag=True, help="Print unset lines for the same variables.")
@other_cloud_option
@common_options
@click.pass_context
def env(context: click.Context, unset: bool, other_cloud: bool) -> None:  # noqa: FBT001 - click flags
    """Print shell exports for the consul and nomad programs: eval "$(bakery env)".

    They contain the management tokens: evaluate them, do not save them to a file. They put consul and nomad on
    PATH if only bakery's cache has the cluster's versions.

    The certificate in the exported files lasts a day. Run "bakery status" to renew it.
    """
    session = session_of(context)
    if unset:
        if session.settings.json:
            session.console.print_json({"unset": [*VARIABLES, env_path.VARIABLE]})
            return
        session.console.print("\n".join([*(f"unset {name}" for name in VARIABLES), *env_path.FORGET]))
        return
    if session.settings.json:
        message = "env prints tokens, and bakery never prints tokens as JSON"
        raise UsageError(message=message, hint=Hint('eval "$(', Command("env"), ')"'))
    lines = [
        f"export {name}={shlex.quote(value)}" for name, value in _values(session, other_cloud=other_cloud).items()
    ]
    image = session.config.image
    programs = env_path.find_programs(image.consul, image.nomad)
    session.console.print("\n".join([*lines, *env_path.exports(programs)]))
    advice = env_path.advice(programs)
    if advice is not None:
        session.console.warn(advice)


def _values(session: Session, *, other_cloud: bool) -> Mapping[str, str]:
    """Addresses are asked from the API each time: droplets come and go."""
    from bakery.cli.cluster import best_servers
    from bakery.credentials.names import consul_server_name, nomad_server_name
    from bakery.plan.ports import CONSUL_HTTPS, NOMAD_HTTPS

    bundle = session.bundle()
    check_cloud(session, insists=other_cloud)
    plan = session.plan()
    paths = session.paths
    consul, nomad = best_servers(session, plan, bundle)
    return {
        "CONSUL_HTTP_ADDR": f"https://{consul}:{CONSUL_HTTPS}",
        "CONSUL_HTTP_SSL": "true",
        "CONSUL_CACERT": str(paths.consul_ca.resolve()),
        "CONSUL_CLIENT_CERT": str(paths.consul_cert.resolve()),
        "CONSUL_CLIENT_KEY": str(paths.consul_key.resolve()),
        "CONSUL_TLS_SERVER_NAME": consul_server_name(plan.cluster),
        "CONSUL_HTTP_TOKEN": bundle.consul_management.secret,
    } | (
        {
            "NOMAD_ADDR": f"https://{nomad}:{NOMAD_HTTPS}",
            "NOMAD_CACERT": str(paths.nomad_ca.resolve()),
            "NOMAD_CLIENT_CERT": str(paths.nomad_cert.resolve()),
            "NOMAD_CLIENT_KEY": str(paths.nomad_key.resolve()),
            "NOMAD_TLS_SERVER_NAME": nomad_server_name(),
            "NOMAD_TOKEN": bundle.nomad_management.secret,
        }
        if nomad
        else {}
    )
