"""Tokens for one run of a command: they are renewed while the command runs, and deleted at its end."""

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Lock
from typing import Protocol

from bakery.agents.interface import AclApi, ConsulApi, NomadApi
from bakery.agents.model import AclPolicy
from bakery.credentials.model import Bundle
from bakery.credentials.tokens import random_token
from bakery.errors import AgentError, BakeryError, DeadlineError
from bakery.hints import Command, Hint
from bakery.launch.acl.people import CONSUL_READ, NOMAD_READ
from bakery.observe.leaders import Servers as ActiveServers
from bakery.operations.context import Context
from bakery.operations.credentials import connect_agents
from bakery.operations.env_variables import Tokens
from bakery.operations.people import create_consul_token, create_nomad_token, delete_tokens
from bakery.wait import Pending, wait_until

LIFE = timedelta(hours=1)
"""How long a token is valid if bakery is killed and deletes none."""
RENEWED_BEFORE = timedelta(minutes=20)
"""Longer than a blocking query, which takes up to ten minutes and a sixteenth, with the token it began with."""
RETRY = timedelta(seconds=30)
"""Pause after a renewal that failed."""
KNOWN_SECONDS = 5.0
"""Deadline for a server to learn of a new token."""


class Servers(Protocol):
    """A server of each product that answers, with a management token."""

    def consul(self) -> ConsulApi:
        """Return a Consul server.

        Raises:
            BakeryError: no server answers.
        """

    def nomad(self) -> NomadApi:
        """Return a Nomad server.

        Raises:
            BakeryError: no server answers.
        """

    def wait_known(self, product: str, secret: str) -> None:
        """Wait until the product's servers accept a new token, which followers learn a moment after the leader."""


@dataclass(frozen=True, kw_only=True)
class _Held:
    secret: str = field(repr=False)
    ends: datetime
    renew: datetime


class RunTokens:
    """The tokens of one run, for the products that it asks for: "Consul", "Nomad".

    ``verb`` is the command that runs, ``nomad`` the policy of its token for Nomad.
    """

    def __init__(
        self, context: Context, servers: Servers, *, verb: str = "ui", nomad: AclPolicy = NOMAD_READ
    ) -> None:
        self.name = f"{verb}-{secrets.token_hex(3)}"
        """The name under which ``bakery credentials list`` shows them."""
        self._context = context
        self._nomad_policy = nomad
        self._servers = servers
        self._held: dict[str, _Held] = {}
        self._lock = Lock()

    def get(self, product: str, *, now: datetime | None = None) -> str:
        """Return the secret of the product's token; a new one if it expires soon. The one before stays valid.

        Raises:
            BakeryError: there is no token yet, or it has expired, and none can be created.
        """
        now = now or datetime.now(UTC)
        with self._lock:
            held = self._held.get(product)
            if held is None or now >= held.renew:
                held = self._held[product] = self._renewed(product, held, now)
            return held.secret

    def delete(self) -> None:
        """Delete the tokens. If that fails, warn: they expire by themselves."""
        for product, held in self._held.items():
            try:
                delete_tokens(self._server(product), self.name)
            except BakeryError as error:
                what = f"{product}'s token for this run was not deleted; it expires at"
                revoke = Command("credentials revoke", self.name)
                reason = f"{what} {held.ends:%H:%M} UTC ({error.full_message}); to delete it: "
                self._context.reporter.warn(Hint(reason, revoke))

    def _renewed(self, product: str, held: _Held | None, now: datetime) -> _Held:
        try:
            secret = self._create(product)
        except BakeryError:
            if held is None or now >= held.ends:
                raise
            return _Held(secret=held.secret, ends=held.ends, renew=now + RETRY)
        return _Held(secret=secret, ends=now + LIFE, renew=now + LIFE - RENEWED_BEFORE)

    def _create(self, product: str) -> str:
        seconds = int(LIFE.total_seconds())
        if product == "Nomad":
            secret = create_nomad_token(self._servers.nomad(), self._nomad_policy, self.name, seconds=seconds)
        else:
            secret = random_token().secret
            create_consul_token(self._servers.consul(), CONSUL_READ, self.name, secret, seconds=seconds)
        self._servers.wait_known(product, secret)
        return secret

    def _server(self, product: str) -> ConsulApi | NomadApi:
        return self._servers.nomad() if product == "Nomad" else self._servers.consul()


def wait_known(context: Context, bundle: Bundle, servers: ActiveServers, product: str, secret: str) -> None:
    """Wait until the product's servers accept a new token; a server that does not in time is given up on."""
    clients = connect_agents(context, bundle, Tokens(consul=secret, nomad=secret))
    connect: Callable[[str], AclApi] = clients.nomad if product == "Nomad" else clients.consul
    for server in servers.nomad if product == "Nomad" else servers.consul:
        if server.answers:
            with suppress(DeadlineError):
                look = partial(_accepts, connect(server.address))
                wait_until(look, what=f"{server.name} to know the token", seconds=KNOWN_SECONDS, every=0.2)


def _accepts(api: AclApi) -> bool | Pending:
    """Return True also if the server is gone meanwhile."""
    try:
        return api.accepts_token() or Pending("it is not known there")
    except AgentError:
        return True
