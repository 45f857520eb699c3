"""Access tokens: with full access, or with scopes (https://docs.digitalocean.com/reference/api/scopes/)."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from bakery.emulator.account.errors import Forbidden
from bakery.emulator.account.settings import EmulatorSettings

READ_ONLY = "read"
"""Includes every scope that ends in ``:read``: the scope of a read-only token."""

IMPLIED = {"droplet:read": ("actions:read", "image:read", "regions:read", "sizes:read")}
"""Scopes that another scope includes."""


@dataclass(frozen=True, kw_only=True)
class AccessToken:
    """A bearer token with its scopes."""

    token: str = field(repr=False)
    scopes: frozenset[str] | None
    """None: full access."""

    def allows(self, scope: str) -> bool:
        """Return whether the token has the scope."""
        if self.scopes is None or scope in self.scopes:
            return True
        return READ_ONLY in self.scopes and scope.endswith(":read")

    def require(self, *scopes: str) -> None:
        """Raise Forbidden if a scope is missing."""
        if not all(self.allows(scope) for scope in scopes):
            raise Forbidden


ANONYMOUS = AccessToken(token="", scopes=frozenset())


class AccessTokens:
    """All valid tokens: those of the settings, and those created since."""

    def __init__(self, settings: EmulatorSettings) -> None:
        self._tokens = [AccessToken(token=token, scopes=None) for token in settings.tokens]
        for token, scopes in settings.scoped_tokens.items():
            self._tokens.append(AccessToken(token=token, scopes=_whole(scopes)))

    def find(self, token: str) -> AccessToken:
        """Return the access token, ANONYMOUS if the token is not known."""
        known = [access for access in self._tokens if _same(access.token, token)]
        return known[0] if known else ANONYMOUS

    def make(self, scopes: Iterable[str]) -> AccessToken:
        """Create a token with these scopes."""
        access = AccessToken(token=f"dop_v1_{secrets.token_hex(32)}", scopes=_whole(scopes))
        self._tokens.append(access)
        return access


def _whole(scopes: Iterable[str]) -> frozenset[str]:
    given = frozenset(scopes)
    return given.union(*(IMPLIED.get(scope, ()) for scope in given))


def _same(token: str, given: str) -> bool:
    return secrets.compare_digest(token.encode(), given.encode())
