"""Which token a command of the nomad program gets.

Nomad's servers pass the caller's token on to each client that they ask: for logs, files, exec, signals, statistics
and metadata. Root on the client can read it (hashicorp/nomad v1.11.3, client/alloc_endpoint.go, ResolveToken). So
a client never gets a token that does not expire.
"""

from collections.abc import Sequence
from enum import Enum, auto

# hashicorp/nomad v1.11.3, command/. Some of these want rights that no policy gives.
_FOR_SERVERS = {
    "", "acl", "deployment", "eval", "fmt", "inspect", "namespace", "plan", "plugin", "quota", "run", "scaling",
    "server", "service", "stop", "system", "validate", "var", "version", "volume",
}  # fmt: skip
_OF_JOBS_FOR_CLIENTS = {"action", "restart"}
_OF_OPERATOR_FOR_CLIENTS = {"api", "debug"}


class TokenFor(Enum):
    """Where the token of a command is sent, and what it may do."""

    SERVERS = auto()
    """To servers only: the management token."""
    CLIENTS = auto()
    """To clients too: the token of ``bakery env``, which expires and has fewer rights."""
    EVERYTHING = auto()
    """Perhaps to clients, and with all rights: a management token that expires after an hour."""


def token_for(arguments: Sequence[str]) -> TokenFor:
    """Return which token ``nomad ARGUMENTS`` gets."""
    words = [*(word for word in arguments if not word.startswith("-")), "", ""]
    if words[0] == "job":
        return TokenFor.CLIENTS if words[1] in _OF_JOBS_FOR_CLIENTS else TokenFor.SERVERS
    if words[0] == "operator":
        return TokenFor.EVERYTHING if words[1] in _OF_OPERATOR_FOR_CLIENTS else TokenFor.SERVERS
    return TokenFor.SERVERS if words[0] in _FOR_SERVERS else TokenFor.CLIENTS
