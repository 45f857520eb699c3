"""What a token may do: everything, or what its scopes say (https://docs.digitalocean.com/reference/api/scopes/)."""

from dataclasses import dataclass, field

from bakery.emulator.errors import Forbidden
from bakery.emulator.settings import EmulatorSettings

READ_ONLY = "read"
"""Stands for every scope that ends in ``:read``, as a read-only token has them."""

IMPLIED = {"droplet:read": ("actions:read", "image:read", "regions:read", "sizes:read")}
"""Scopes that another one brings along."""


@dataclass(frozen=True, kw_only=True)
class Grant:
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


NOBODY = Grant(token="", scopes=frozenset())


def grants(settings: EmulatorSettings) -> list[Grant]:
    """One for each token of the settings."""
    full = [Grant(token=token, scopes=None) for token in settings.tokens]
    scoped = [Grant(token=token, scopes=_whole(scopes)) for token, scopes in settings.scoped_tokens.items()]
    return [*full, *scoped]


def _whole(scopes: tuple[str, ...]) -> frozenset[str]:
    return frozenset(scopes).union(*(IMPLIED.get(scope, ()) for scope in scopes))
