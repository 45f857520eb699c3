"""Tokens for one run of a command: they read, are renewed while the command runs, and are deleted at its end."""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Protocol

from bakery.agents.interface import ConsulApi, NomadApi
from bakery.credentials.tokens import random_token
from bakery.errors import BakeryError
from bakery.hints import Command, Hint
from bakery.launch.acl.people import CONSUL_READ, NOMAD_READ
from bakery.operations.context import Context
from bakery.operations.people import create_consul_token, create_nomad_token, delete_tokens

LIFE = timedelta(hours=1)
"""How long a token is valid if bakery is killed and deletes none."""
RENEWED_BEFORE = timedelta(minutes=20)
"""Longer than a blocking query, which takes up to ten minutes and a sixteenth, with the token it began with."""
RETRY = timedelta(seconds=30)
"""Pause after a renewal that failed."""


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
    """The tokens of one run, for the products that it asks for: "Consul", "Nomad"."""

    def __init__(self, context: Context, servers: Servers) -> None:
        self.name = f"ui-{secrets.token_hex(3)}"
        """The name under which ``bakery credentials list`` shows them."""
        self._context = context
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
                what = f"{product}'s token for this run was not deleted; it reads only, and expires at"
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
            secret = create_nomad_token(self._servers.nomad(), NOMAD_READ, self.name, seconds=seconds)
        else:
            secret = random_token().secret
            create_consul_token(self._servers.consul(), CONSUL_READ, self.name, secret, seconds=seconds)
        self._servers.wait_known(product, secret)
        return secret

    def _server(self, product: str) -> ConsulApi | NomadApi:
        return self._servers.nomad() if product == "Nomad" else self._servers.consul()
