"""What a token may do: everything, or what its scopes say (https://docs.digitalocean.com/reference/api/scopes/)."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from bakery.emulator.account.errors import Forbidden
from bakery.emulator.account.settings import EmulatorSettings

READ_ONLY = "read"
"""Stands for every scope that ends in ``:read``, as a read-only token has them."""

IMPLIED = {"droplet:read": ("actions:read", "image:read", "regions:read", "sizes:read")}
"""Scopes that another one brings along."""


@dataclass(frozen=True, kw_only=True)
class AccessToken:
    token: str = field(repr=False)
    scopes: frozenset[str] | None
    """None: full access."""

    def allows(self, scope: str) -> bool:
        if self.scopes is None or scope in self.scopes:
            return True
        return READ_ONLY in self.scopes and scope.endswith(":read")

    def require(self, *scopes: str) -> None:
        """Raises Forbidden if one is missing."""
        if not all(self.allows(scope) for scope in scopes):
            raise Forbidden


ANONYMOUS = AccessToken(token="", scopes=frozenset())


class AccessTokens:
    """The tokens that are known: those of the settings, and those that were made since."""

    def __init__(self, settings: EmulatorSettings) -> None:
        self._tokens = [AccessToken(token=token, scopes=None) for token in settings.tokens]
        for token, scopes in settings.scoped_tokens.items():
            self._tokens.append(AccessToken(token=token, scopes=_whole(scopes)))

    def find(self, token: str) -> AccessToken:
        """What that token may do; an unknown one is nobody's."""
        known = [access for access in self._tokens if _same(access.token, token)]
        return known[0] if known else ANONYMOUS

    def make(self, scopes: Iterable[str]) -> AccessToken:
        """A new token with these scopes."""
        access = AccessToken(token=f"dop_v1_{secrets.token_hex(32)}", scopes=_whole(scopes))
        self._tokens.append(access)
        return access


def _whole(scopes: Iterable[str]) -> frozenset[str]:
    given = frozenset(scopes)
    return given.union(*(IMPLIED.get(scope, ()) for scope in given))


def _same(token: str, given: str) -> bool:
    return secrets.compare_digest(token.encode(), given.encode())
