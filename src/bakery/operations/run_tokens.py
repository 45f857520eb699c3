"""Tokens for one run of a command: they are renewed while the command runs, and deleted at its end."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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
from bakery.wait import Clock, Pending, wait_until

LIFE = timedelta(hours=1)
"""How long a token is valid if bakery is killed and deletes none."""
RENEWED_BEFORE = timedelta(minutes=20)
"""Longer than a blocking query, which takes up to ten minutes and a sixteenth, with the token it began with."""
RETRY = timedelta(seconds=30)
"""Pause after a renewal that failed."""
KNOWN_SECONDS = 5.0
"""Deadline for a server to learn of a new token."""
CREATED_SECONDS = 2.0
"""Seconds for which a token is looked for whose creation was cut off: a server continues without its caller."""


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
        self,
        context: Context,
        servers: Servers,
        *,
        verb: str = "ui",
        nomad: AclPolicy = NOMAD_READ,
        clock: Clock | None = None,
    ) -> None:
        self.name = f"{verb}-{secrets.token_hex(3)}"
        """The name under which ``bakery credentials list`` shows them."""
        self._context = context
        self._nomad_policy = nomad
        self._servers = servers
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self._ends: dict[str, datetime] = {}
        """By product, the end of the newest token that may exist. It is noted before the token is created."""
        self._unanswered: set[str] = set()
        """The products that may still create a token, because their reply was not read."""
        self._secrets: list[str] = []
        self._ended = False
        self._lock = Lock()

    def get(self, product: str, *, now: datetime | None = None) -> str:
        """Return the secret of the product's token; a new one if it expires soon. The one before stays valid.

        Raises:
            BakeryError: there is no token yet, or it has expired, and none can be created; or the tokens were
                deleted.
        """
        now = now or datetime.now(UTC)
        with self._lock:
            if self._ended:
                message = "this run has ended"
                raise AgentError(message=message, status=0)
            held = self._held.get(product)
            if held is None or now >= held.renew:
                held = self._held[product] = self._renewed(product, held, now)
            return held.secret

    def secrets(self) -> tuple[str, ...]:
        """Return the secrets of all tokens of the run, those before a renewal too. It waits for no creation."""
        return tuple(self._secrets)

    def delete(self) -> None:
        """Delete the tokens, also those whose creation or whose deletion a signal interrupts; create no others.

        If that fails, warn: they expire by themselves.
        """
        try:
            self._delete_all()
        except BaseException:  # the first signal; a second one ends the process at once (cli/signals.py)
            self._delete_all()
            raise

    def _delete_all(self) -> None:
        with self._lock:
            self._ended = True
            for product, ends in self._ends.items():
                try:
                    self._delete(product)
                except BakeryError as error:
                    what = f"{product}'s token for this run was not deleted; it expires at"
                    revoke = Command("credentials revoke", self.name)
                    reason = f"{what} {ends:%H:%M} UTC ({error.full_message}); to delete it: "
                    self._context.reporter.warn(Hint(reason, revoke))

    def _delete(self, product: str) -> None:
        server = self._server(product)
        if product not in self._unanswered:
            delete_tokens(server, self.name)
            return
        with suppress(DeadlineError):
            wait_until(
                lambda: delete_tokens(server, self.name) or Pending("it is not there"),
                what="the token",
                seconds=CREATED_SECONDS,
                every=0.2,
                clock=self._clock,
            )

    def _renewed(self, product: str, held: _Held | None, now: datetime) -> _Held:
        try:
            secret = self._create(product, now + LIFE)
        except BakeryError:
            if held is None or now >= held.ends:
                raise
            return _Held(secret=held.secret, ends=held.ends, renew=now + RETRY)
        return _Held(secret=secret, ends=now + LIFE, renew=now + LIFE - RENEWED_BEFORE)

    def _create(self, product: str, ends: datetime) -> str:
        seconds = int(LIFE.total_seconds())
        if product == "Nomad":
            nomad = self._servers.nomad()
            with self._noted(product, ends):
                secret = create_nomad_token(nomad, self._nomad_policy, self.name, seconds=seconds)
            self._secrets.append(secret)
        else:
            consul, secret = self._servers.consul(), random_token().secret
            self._secrets.append(secret)
            with self._noted(product, ends):
                create_consul_token(consul, CONSUL_READ, self.name, secret, seconds=seconds)
        self._servers.wait_known(product, secret)
        return secret

    @contextmanager
    def _noted(self, product: str, ends: datetime) -> Iterator[None]:
        """Note a token before the block creates it, because a signal may come before the reply."""
        self._ends[product] = ends
        self._unanswered.add(product)
        answered = False
        try:
            yield
            answered = True
        except AgentError as error:
            answered = not error.may_pass
            raise
        finally:
            if answered:
                self._unanswered.discard(product)

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
