"""The web UIs of Consul and Nomad on loopback: the proxies of one run, with their servers and tokens."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from threading import Lock

from bakery.agents.interface import ConsulApi, NomadApi
from bakery.agents.model import Target
from bakery.browser.proxy import proxied
from bakery.browser.upstream import Upstream
from bakery.credentials.model import Bundle
from bakery.credentials.names import consul_server_name, nomad_server_name
from bakery.credentials.operator import write_operator_files
from bakery.errors import BakeryError
from bakery.hints import Command, Hint
from bakery.launch.acl.people import NOMAD_OPERATOR, NOMAD_READ
from bakery.observe.leaders import ServerAddress
from bakery.operations.cluster import active_servers, need_answer
from bakery.operations.context import Context
from bakery.operations.credentials import (
    connect_agents,
    consul_tls,
    load_credentials,
    management_tokens,
    nomad_tls,
)
from bakery.operations.place import check_place
from bakery.operations.run_tokens import RunTokens, wait_known
from bakery.plan.ports import CONSUL_HTTPS, NOMAD_HTTPS
from bakery.wait import Clock, SystemClock

LOOK_SECONDS = 5.0
"""Seconds after which the servers are looked for again, if none answers."""
_EXEC = Command("nomad", "alloc", "exec", "ALLOCATION", "/bin/sh")


@dataclass(frozen=True, kw_only=True)
class UiRequest:
    """Which UIs a user asks for."""

    products: tuple[str, ...]
    """"Consul" and "Nomad"."""
    management: bool
    """Whether the UIs may change the cluster, with the management tokens."""
    port: int
    """Of the first; the second has the next. 0: a free port for each."""
    other_cloud: bool


@dataclass(frozen=True, kw_only=True)
class OpenUi:
    """A UI that can be opened."""

    product: str
    url: str


@contextmanager
def open_uis(context: Context, request: UiRequest) -> Iterator[tuple[OpenUi, ...]]:
    """Serve the UIs until the context ends; then the tokens of the run are deleted.

    Raises:
        CredentialsError: the cluster's credentials are not here.
        UsageError: the cluster is in another cloud, or a port cannot be had.
        AgentError: no server of a product answers, or one refused the token.
    """
    bundle = load_credentials(context)
    check_place(context, insists=request.other_cloud)
    access = _Access(context, bundle, management=request.management)
    with ExitStack() as held:
        held.callback(access.close)
        ports = [request.port and request.port + at for at in range(len(request.products))]
        urls = [held.enter_context(_serve(access, *each)) for each in zip(request.products, ports, strict=True)]
        yield tuple(OpenUi(product=each, url=url) for each, url in zip(request.products, urls, strict=True))


@contextmanager
def _serve(access: "_Access", product: str, port: int) -> Iterator[str]:
    access.check(product)
    upstream = _upstream(access, product, about_clients=False)
    about_clients = _upstream(access, product, about_clients=True)
    with proxied(upstream, port, access.say_no_sockets, about_clients) as url:
        yield f"{url}/ui/"


def _upstream(access: "_Access", product: str, *, about_clients: bool) -> Upstream:
    find = partial(access.targets, product, about_clients=about_clients)
    return Upstream(product, find, access.look_again, access.secrets)


class _Access:
    """The servers of the cluster, which are found again when none of them answers, and the tokens of the run."""

    def __init__(self, context: Context, bundle: Bundle, *, management: bool, clock: Clock | None = None) -> None:
        self._context = context
        self._bundle = bundle
        self._management = management
        # Nomad passes the token on to the clients that are asked, where root can read it (management_token.py).
        self._tokens = RunTokens(context, self, nomad=NOMAD_OPERATOR if management else NOMAD_READ)
        self._clock = clock or SystemClock()
        self._lock = Lock()
        self._warned = False
        self._clients = connect_agents(context, bundle)
        self._servers = active_servers(context, bundle)
        self._looked = self._clock.now()

    def check(self, product: str) -> None:
        """Create the product's token.

        Raises:
            BakeryError: no server answers, or one refused it.
        """
        need_answer(self._context, product, self._of(product))
        self.targets(product)

    def targets(self, product: str, *, about_clients: bool = False) -> Sequence[Target]:
        """Return the product's servers, best first, with the token of now.

        For questions ``about_clients`` it is one that expires.

        Raises:
            BakeryError: the token has expired, and no other can be created.
        """
        if self._management and not (about_clients and product == "Nomad"):
            mine = management_tokens(self._bundle)
            token = mine.nomad if product == "Nomad" else mine.consul
        else:
            token = self._tokens.get(product)
        return [self._target(product, server.address, token) for server in self._of(product)]

    def secrets(self) -> Sequence[str]:
        """Return the tokens of the run, of both products: no reply may give them to the browser."""
        mine = management_tokens(self._bundle)
        return (mine.consul, mine.nomad, *self._tokens.secrets())

    def look_again(self) -> None:
        """Find the servers again, unless that was just done. If the API does not answer, the known ones stay.

        The operator's certificates, which last a day, are renewed at the same time.
        """
        with self._lock:
            if self._clock.now() - self._looked < LOOK_SECONDS:
                return
            with suppress(BakeryError):
                write_operator_files(self._bundle, self._context.paths, now=datetime.now(UTC))
                self._servers = active_servers(self._context, self._bundle)
            self._looked = self._clock.now()

    def consul(self) -> ConsulApi:
        """Return a Consul server that answers; for the tokens."""
        self.look_again()
        return self._clients.consul(need_answer(self._context, "Consul", self._of("Consul")).address)

    def nomad(self) -> NomadApi:
        """Return a Nomad server that answers; for the tokens."""
        self.look_again()
        return self._clients.nomad(need_answer(self._context, "Nomad", self._of("Nomad")).address)

    def wait_known(self, product: str, secret: str) -> None:
        """Wait until the product's servers accept a new token; a server that does not in time is given up on."""
        wait_known(self._context, self._bundle, self._servers, product, secret)

    def say_no_sockets(self) -> None:
        """Warn, once, that exec does not work in the browser."""
        if not self._warned:
            self._warned = True
            self._context.reporter.warn(Hint("exec does not work in the browser; here: ", _EXEC))

    def close(self) -> None:
        """Delete the tokens of the run."""
        self._tokens.delete()

    def _of(self, product: str) -> Sequence[ServerAddress]:
        return self._servers.nomad if product == "Nomad" else self._servers.consul

    def _target(self, product: str, address: str, token: str) -> Target:
        paths = self._context.paths
        if product == "Nomad":
            name, port, tls = nomad_server_name(), NOMAD_HTTPS, nomad_tls(paths)
        else:
            name, port, tls = consul_server_name(self._bundle.cluster), CONSUL_HTTPS, consul_tls(paths)
        return Target(address=address, port=port, server_name=name, tls=tls, token=token, gossip_key="")
