"""The cluster's credentials: when they may be made, where to look for lost ones, and the clients that use them."""

from datetime import UTC, datetime

from bakery.agents.connect import agent_clients
from bakery.agents.interface import AgentClients
from bakery.agents.model import TlsFiles
from bakery.config.paths import StatePaths
from bakery.credentials.model import Bundle
from bakery.credentials.names import NOMAD_REGION, consul_server_name, nomad_client_name, nomad_server_name
from bakery.credentials.operator import write_operator_files
from bakery.credentials.store import ensure_bundle, find_bundle
from bakery.errors import BakeryError, CredentialsError
from bakery.hints import Command, Hint, Text
from bakery.launch.converge.preflight import check_trust
from bakery.operations.context import Context
from bakery.operations.droplets import list_droplets
from bakery.plan.ports import CONSUL_HTTPS, NOMAD_HTTPS
from bakery.plan.tags import cluster_tag


def has_credentials(paths: StatePaths) -> bool:
    """Whether the cluster's credentials are here, readable or not."""
    try:
        return find_bundle(paths) is not None
    except CredentialsError:
        return True


def load_credentials(context: Context) -> Bundle:
    """Return the cluster's credentials, and write the operator's TLS files beside them.

    Raises:
        CredentialsError: there are none here, or they cannot be read.
    """
    bundle = find_bundle(context.paths, reporter=context.reporter)
    if bundle is None:
        message = f"there are no credentials of cluster {context.config.cluster} in {context.paths.folder}"
        raise CredentialsError(message=message, hint=_where_to_look(context))
    write_operator_files(bundle, context.paths, now=datetime.now(UTC))
    return bundle


def ensure_credentials(context: Context) -> Bundle:
    """Return the cluster's credentials; make them at a first launch.

    The caller has called :func:`refuse_second_ca` or :func:`warn_of_second_ca`.
    """
    now = datetime.now(UTC)
    context.paths.ensure()
    bundle = ensure_bundle(context.paths, context.config.cluster, now=now, reporter=context.reporter)
    write_operator_files(bundle, context.paths, now=now)
    return bundle


def refuse_second_ca(context: Context) -> None:
    """Check, before credentials are made, that the cluster has no droplets: they would have another CA.

    Raises:
        CredentialsError: it has droplets, and its credentials are not here.
    """
    if find_bundle(context.paths) is None:
        check_trust(list_droplets(context), context.config.cluster, None)


def warn_of_second_ca(context: Context) -> None:
    """As :func:`refuse_second_ca`, for a command that works without the API: if it cannot be asked, only warn.

    Raises:
        CredentialsError: the cluster has droplets, and its credentials are not here.
    """
    if find_bundle(context.paths) is not None:
        return
    cluster = context.config.cluster
    try:
        droplets = context.quick_cloud.list_droplets(tag=cluster_tag(cluster))
    except BakeryError as error:
        made = f"new credentials are made for cluster {cluster}"
        context.reporter.warn(f"{made} without checking whether it has droplets already: {error.message}")
        return
    check_trust(droplets, cluster, None)


def connect_agents(context: Context, bundle: Bundle) -> AgentClients:
    """Return clients for Consul's and Nomad's APIs, over mutual TLS, with the management tokens.

    The gossip keys are only compared with the keys that the members report.
    """
    paths = context.paths
    return agent_clients(
        consul_port=CONSUL_HTTPS,
        consul_server_name=consul_server_name(context.config.cluster),
        nomad_port=NOMAD_HTTPS,
        nomad_server_name=nomad_server_name(),
        nomad_client_name=nomad_client_name(),
        nomad_region=NOMAD_REGION,
        consul_tls=TlsFiles(ca=paths.consul_ca, certificate=paths.consul_cert, key=paths.consul_key),
        nomad_tls=TlsFiles(ca=paths.nomad_ca, certificate=paths.nomad_cert, key=paths.nomad_key),
        consul_token=bundle.consul_management.secret,
        nomad_token=bundle.nomad_management.secret,
        consul_gossip_key=bundle.consul_gossip_key,
        nomad_gossip_key=bundle.nomad_gossip_key,
    )


def _where_to_look(context: Context) -> Text:
    """Return what to do about missing credentials. A launch makes new ones only if the cluster has no droplets."""
    cluster = context.config.cluster
    bring_back = f"bring back .bakery/{cluster}/ from a backup, or run this where the cluster was launched from"
    try:
        droplets = context.quick_cloud.list_droplets(tag=cluster_tag(cluster))
    except BakeryError:
        return Hint(f"{bring_back}; if it was never launched: ", Command("launch"))
    return bring_back if droplets else Hint("run this where the cluster was launched from, or ", Command("launch"))
