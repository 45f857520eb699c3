"""The cluster's credentials: when they may be made, where to look for lost ones, and the clients that use them."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from bakery.agents.connect import agent_clients
from bakery.agents.interface import AgentClients
from bakery.agents.model import TlsFiles
from bakery.cloud.model import Droplet
from bakery.config.paths import StatePaths
from bakery.credentials.authority import ca_fingerprint
from bakery.credentials.inspect import first_to_end
from bakery.credentials.model import Bundle
from bakery.credentials.names import NOMAD_REGION, consul_server_name, nomad_client_name, nomad_server_name
from bakery.credentials.operator import write_operator_files
from bakery.credentials.store import ensure_bundle, find_bundle
from bakery.errors import BakeryError, CredentialsError
from bakery.hints import Command, Hint, Text
from bakery.launch.converge.preflight import check_trust
from bakery.operations.context import Context
from bakery.operations.env_variables import Tokens
from bakery.plan.ports import CONSUL_HTTPS, NOMAD_HTTPS
from bakery.plan.tags import cluster_tag

_SHORTEST_LEFT = timedelta(days=1)
_WARNED_BEFORE = timedelta(days=90)


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

    The caller has checked that there are no droplets of another CA: :func:`check_trust`, :func:`warn_of_other_ca`.

    Raises:
        CredentialsError: they cannot be read, or a CA ends within a day.
    """
    now = datetime.now(UTC)
    context.paths.ensure()
    bundle = ensure_bundle(context.paths, context.config.cluster, now=now, reporter=context.reporter)
    check_lasting(context, bundle, now)
    write_operator_files(bundle, context.paths, now=now)
    return bundle


def check_own_droplets(bundle: Bundle, droplets: Iterable[Droplet], cluster: str) -> None:
    """Check that the secrets of ``droplets`` are those of ``bundle``, or older ones.

    Raises:
        CredentialsError: another CA made their certificates, or they have later secrets.
    """
    check_trust(droplets, cluster, ca_fingerprint(bundle), bundle.generation)


def warn_of_other_ca(context: Context) -> None:
    """Check that droplets of the cluster have the CA that is here, for a command that works without the API.

    If it cannot be asked, only warn where credentials will be made.

    Raises:
        CredentialsError: the cluster has droplets, and its credentials are not here, or those here are others.
    """
    bundle, cluster = find_bundle(context.paths), context.config.cluster
    try:
        droplets = context.quick_cloud.list_droplets(tag=cluster_tag(cluster))
    except BakeryError as error:
        if bundle is None:
            made = f"new credentials are made for cluster {cluster}"
            context.reporter.warn(f"{made} without checking whether it has droplets already: {error.message}")
        return
    if bundle is None:
        check_trust(droplets, cluster, None)
    else:
        check_own_droplets(bundle, droplets, cluster)


def check_lasting(context: Context, bundle: Bundle, now: datetime) -> None:
    """Check that the CAs do not end while nodes are made: no node is valid longer. Warn in their last 90 days.

    Raises:
        CredentialsError: a CA ends within a day.
    """
    end = first_to_end(bundle)
    if end - now > _WARNED_BEFORE:
        return
    again = Hint(Command("destroy"), ", move the state folder away, ", Command("launch"))
    message = f"the CAs of cluster {bundle.cluster} end on {end:%Y-%m-%d %H:%M} UTC, and new nodes with them"
    if end - now < _SHORTEST_LEFT:
        raise CredentialsError(message=message, hint=Hint("make a new cluster: ", again))
    context.reporter.warn(Hint(f"{message}; before that, make a new cluster: ", again))


def connect_agents(context: Context, bundle: Bundle, tokens: Tokens | None = None) -> AgentClients:
    """Return clients for Consul's and Nomad's APIs, over mutual TLS, with ``tokens``, or the management tokens.

    The gossip keys are only compared with the keys that the members report.
    """
    own = tokens or management_tokens(bundle)
    return agent_clients(
        consul_port=CONSUL_HTTPS,
        consul_server_name=consul_server_name(context.config.cluster),
        nomad_port=NOMAD_HTTPS,
        nomad_server_name=nomad_server_name(),
        nomad_client_name=nomad_client_name(),
        nomad_region=NOMAD_REGION,
        consul_tls=consul_tls(context.paths),
        nomad_tls=nomad_tls(context.paths),
        consul_token=own.consul,
        nomad_token=own.nomad,
        consul_gossip_key=bundle.consul_gossip_key,
        nomad_gossip_key=bundle.nomad_gossip_key,
    )


def consul_tls(paths: StatePaths) -> TlsFiles:
    """Return the operator's certificate for Consul, its key, and the CA of Consul's servers."""
    return TlsFiles(ca=paths.consul_ca, certificate=paths.consul_cert, key=paths.consul_key)


def nomad_tls(paths: StatePaths) -> TlsFiles:
    """Return the operator's certificate for Nomad, its key, and the CA of Nomad's servers."""
    return TlsFiles(ca=paths.nomad_ca, certificate=paths.nomad_cert, key=paths.nomad_key)


def management_tokens(bundle: Bundle) -> Tokens:
    """Return the tokens that may do everything and do not expire."""
    return Tokens(consul=bundle.consul_management.secret, nomad=bundle.nomad_management.secret)


def _where_to_look(context: Context) -> Text:
    """Return what to do about missing credentials. A launch makes new ones only if the cluster has no droplets."""
    cluster = context.config.cluster
    bring_back = f"bring back .bakery/{cluster}/ from a backup, or run this where the cluster was launched from"
    try:
        droplets = context.quick_cloud.list_droplets(tag=cluster_tag(cluster))
    except BakeryError:
        return Hint(f"{bring_back}; if it was never launched: ", Command("launch"))
    return bring_back if droplets else Hint("run this where the cluster was launched from, or ", Command("launch"))
