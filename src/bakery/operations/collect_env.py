"""The environment that makes the consul and nomad programs talk to the cluster."""

from collections.abc import Mapping

from bakery.credentials.names import consul_server_name, nomad_server_name
from bakery.operations.cluster import best_servers
from bakery.operations.context import Context
from bakery.operations.credentials import load_credentials
from bakery.operations.place import check_place
from bakery.plan.build import build_plan
from bakery.plan.ports import CONSUL_HTTPS, NOMAD_HTTPS


def collect_env(context: Context, *, other_cloud: bool) -> Mapping[str, str]:
    """Return the variables by name, with the management tokens among them.

    The API is asked for the servers' addresses each time: droplets come and go. ``other_cloud`` allows another
    cloud than before.

    Raises:
        CredentialsError: the cluster's credentials are not here.
        UsageError: the cluster is in another cloud, or has no active Consul server.
    """
    bundle = load_credentials(context)
    check_place(context, insists=other_cloud)
    plan, paths = build_plan(context.config), context.paths
    consul, nomad = best_servers(context, plan, bundle)
    of_consul = {
        "CONSUL_HTTP_ADDR": f"https://{consul}:{CONSUL_HTTPS}",
        "CONSUL_HTTP_SSL": "true",
        "CONSUL_CACERT": str(paths.consul_ca.resolve()),
        "CONSUL_CLIENT_CERT": str(paths.consul_cert.resolve()),
        "CONSUL_CLIENT_KEY": str(paths.consul_key.resolve()),
        "CONSUL_TLS_SERVER_NAME": consul_server_name(plan.cluster),
        "CONSUL_HTTP_TOKEN": bundle.consul_management.secret,
    }
    if nomad is None:
        return of_consul
    return of_consul | {
        "NOMAD_ADDR": f"https://{nomad}:{NOMAD_HTTPS}",
        "NOMAD_CACERT": str(paths.nomad_ca.resolve()),
        "NOMAD_CLIENT_CERT": str(paths.nomad_cert.resolve()),
        "NOMAD_CLIENT_KEY": str(paths.nomad_key.resolve()),
        "NOMAD_TLS_SERVER_NAME": nomad_server_name(),
        "NOMAD_TOKEN": bundle.nomad_management.secret,
    }
