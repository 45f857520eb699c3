"""The environment that makes the consul and nomad programs talk to the cluster."""

import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bakery.config.paths import ClientFiles
from bakery.credentials.model import Bundle
from bakery.hints import Command, Hint
from bakery.observe.leaders import ServerAddress, Servers
from bakery.operations.cluster import active_servers, need_answer
from bakery.operations.context import Context
from bakery.operations.credentials import load_credentials, management_tokens
from bakery.operations.env_variables import build_variables
from bakery.operations.operator_tokens import WORKING_DAY, ensure_operator_tokens
from bakery.operations.people import issued_files, read_tokens
from bakery.operations.place import check_place
from bakery.proc import start


@dataclass(frozen=True, kw_only=True)
class Rights:
    """Whose tokens are among the variables."""

    person: str | None = None
    """The name under which they were issued; None: the operator's own."""
    management: bool = False
    """Whether they are the management tokens, which do not expire and can make others."""
    ttl: timedelta = WORKING_DAY
    """How long the operator's tokens are valid, at most."""


def collect_env(context: Context, rights: Rights, *, other_cloud: bool) -> Mapping[str, str]:
    """Return the variables by name, with the tokens of ``rights`` among them.

    They name servers that see a leader, or else servers that answer; a warning says if no server sees a leader.
    The API is asked for the servers' addresses each time: droplets come and go. ``other_cloud`` allows another
    cloud than before.

    Raises:
        AgentError: new tokens are needed, and no server makes them.
        CredentialsError: the cluster's credentials are not here.
        UsageError: the cluster is in another cloud, or has no active Consul server; nothing was issued to
        the person; Nomad makes no token that lasts as long.
    """
    issued = issued_files(context, rights.person) if rights.person is not None else None
    bundle, servers = _look(context, other_cloud=other_cloud)
    for product, found in (("Consul", servers.consul), ("Nomad", servers.nomad)):
        _warn_without_leader(context, product, found)
    if issued is not None:
        return build_variables(bundle.cluster, servers, issued, read_tokens(issued))
    if rights.management:
        return build_variables(bundle.cluster, servers, context.paths, management_tokens(bundle))
    tokens = ensure_operator_tokens(context, bundle, servers, ttl=rights.ttl)
    return build_variables(bundle.cluster, servers, context.paths, tokens)


def program_env(
    context: Context,
    product: str,
    *,
    other_cloud: bool,
    person: str | None = None,
    management: bool = True,
) -> Mapping[str, str]:
    """Return the variables for one run of ``product``, "Consul" or "Nomad".

    The tokens are those that were issued to ``person``, or the management tokens, or without ``management`` those
    of the operator's shell.

    Raises:
        AgentError: no server of the product answers, or none makes a token that is needed.
        CredentialsError, UsageError: as :func:`collect_env`; also if the product has no active server.
    """
    issued = issued_files(context, person) if person is not None else None
    bundle, servers = _look(context, other_cloud=other_cloud)
    found = servers.consul if product == "Consul" else servers.nomad
    need_answer(context, product, found)
    _warn_without_leader(context, product, found)
    if issued is not None:
        tokens = read_tokens(issued)
    elif management:
        tokens = management_tokens(bundle)
    else:
        tokens = ensure_operator_tokens(context, bundle, servers, ttl=WORKING_DAY)
    files: ClientFiles = issued or context.paths
    return build_variables(bundle.cluster, servers, files, tokens)


def by_way_of_loopback(variables: Mapping[str, str]) -> Mapping[str, str]:
    """Return the variables with a port on loopback in place of Consul's server; the port leads to that server.

    ``nomad operator debug`` has no option for the name in Consul's certificate and ignores CONSUL_TLS_SERVER_NAME
    (hashicorp/nomad command/operator_debug.go, consulAPIClient), but every Consul certificate is also valid for
    127.0.0.1. The port is open until this process, or the program that replaces it, has ended.
    """
    address, _, port = variables["CONSUL_HTTP_ADDR"].removeprefix("https://").rpartition(":")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        argv = [sys.executable, "-m", "bakery.agents.forward", address, port, str(os.getpid())]
        start(argv, output=Path(os.devnull), stdin=listener.fileno())
        return {**variables, "CONSUL_HTTP_ADDR": f"https://127.0.0.1:{listener.getsockname()[1]}"}


def _look(context: Context, *, other_cloud: bool) -> tuple[Bundle, Servers]:
    bundle = load_credentials(context)
    check_place(context, insists=other_cloud)
    return bundle, active_servers(context, bundle)


def _warn_without_leader(context: Context, product: str, servers: tuple[ServerAddress, ...]) -> None:
    if servers and not servers[0].sees_leader:
        context.reporter.warn(Hint(f"no {product} server sees a leader; ", Command("status"), " says more"))
