"""The environment that makes the consul and nomad programs talk to the cluster."""

from collections.abc import Mapping

from bakery.config.paths import StatePaths
from bakery.credentials.model import Bundle
from bakery.credentials.names import consul_server_name, nomad_server_name
from bakery.errors import AgentError, UsageError
from bakery.hints import Command, Hint
from bakery.observe.leaders import ServerAddress, Servers
from bakery.operations.cluster import active_servers
from bakery.operations.context import Context
from bakery.operations.credentials import load_credentials
from bakery.operations.place import check_place
from bakery.plan.ports import CONSUL_HTTPS, NOMAD_HTTPS

CONSUL_VARIABLES = (
    "CONSUL_HTTP_ADDR", "CONSUL_HTTP_SSL", "CONSUL_CACERT", "CONSUL_CLIENT_CERT", "CONSUL_CLIENT_KEY",
    "CONSUL_TLS_SERVER_NAME", "CONSUL_HTTP_TOKEN",
)  # fmt: skip
NOMAD_VARIABLES = (
    "NOMAD_ADDR", "NOMAD_CACERT", "NOMAD_CLIENT_CERT", "NOMAD_CLIENT_KEY", "NOMAD_TLS_SERVER_NAME", "NOMAD_TOKEN",
)  # fmt: skip


def collect_env(context: Context, *, other_cloud: bool) -> Mapping[str, str]:
    """Return the variables by name, with the management tokens among them.

    They name servers that see a leader, or else servers that answer; a warning says if no server sees a leader.
    The API is asked for the servers' addresses each time: droplets come and go. ``other_cloud`` allows another
    cloud than before.

    Raises:
        CredentialsError: the cluster's credentials are not here.
        UsageError: the cluster is in another cloud, or has no active Consul server.
    """
    bundle, servers = _look(context, other_cloud=other_cloud)
    for product, found in (("Consul", servers.consul), ("Nomad", servers.nomad)):
        _warn_without_leader(context, product, found)
    return _variables(context.paths, bundle, servers)


def program_env(context: Context, product: str, *, other_cloud: bool) -> Mapping[str, str]:
    """Return the variables of :func:`collect_env` for one run of ``product``, "Consul" or "Nomad".

    Raises:
        AgentError: no server of the product answers.
        CredentialsError, UsageError: as :func:`collect_env`; also if the product has no active server.
    """
    bundle, servers = _look(context, other_cloud=other_cloud)
    found = servers.consul if product == "Consul" else servers.nomad
    if not found:
        message = f"cluster {context.config.cluster} has no active {product} server"
        raise UsageError(message=message, hint=Command("launch"))
    if not found[0].answers:
        message = f"no {product} server of cluster {context.config.cluster} answers"
        asked = "\n".join(f"{server.name} at {server.address}" for server in found)
        hint = Hint(Command("status"), " says more; if your address has changed: ", Command("access refresh"))
        raise AgentError(message=message, details=asked, hint=hint)
    _warn_without_leader(context, product, found)
    return _variables(context.paths, bundle, servers)


def _look(context: Context, *, other_cloud: bool) -> tuple[Bundle, Servers]:
    bundle = load_credentials(context)
    check_place(context, insists=other_cloud)
    return bundle, active_servers(context, bundle)


def _warn_without_leader(context: Context, product: str, servers: tuple[ServerAddress, ...]) -> None:
    if servers and not servers[0].sees_leader:
        context.reporter.warn(Hint(f"no {product} server sees a leader; ", Command("status"), " says more"))


def _variables(paths: StatePaths, bundle: Bundle, servers: Servers) -> dict[str, str]:
    of_consul = {
        "CONSUL_HTTP_ADDR": f"https://{servers.consul[0].address}:{CONSUL_HTTPS}",
        "CONSUL_HTTP_SSL": "true",
        "CONSUL_CACERT": str(paths.consul_ca.resolve()),
        "CONSUL_CLIENT_CERT": str(paths.consul_cert.resolve()),
        "CONSUL_CLIENT_KEY": str(paths.consul_key.resolve()),
        "CONSUL_TLS_SERVER_NAME": consul_server_name(bundle.cluster),
        "CONSUL_HTTP_TOKEN": bundle.consul_management.secret,
    }
    if not servers.nomad:
        return of_consul
    return of_consul | {
        "NOMAD_ADDR": f"https://{servers.nomad[0].address}:{NOMAD_HTTPS}",
        "NOMAD_CACERT": str(paths.nomad_ca.resolve()),
        "NOMAD_CLIENT_CERT": str(paths.nomad_cert.resolve()),
        "NOMAD_CLIENT_KEY": str(paths.nomad_key.resolve()),
        "NOMAD_TLS_SERVER_NAME": nomad_server_name(),
        "NOMAD_TOKEN": bundle.nomad_management.secret,
    }
