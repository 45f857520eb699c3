"""Which commands of the consul and nomad programs get the management token: those that ask servers only.

Nomad's servers pass the caller's token on to each client that they ask: for logs, files, exec, signals,
statistics and metadata. Root on the client can read it (hashicorp/nomad v1.11.3, client/alloc_endpoint.go,
ResolveToken). An agent that the user names may be a client's too. So these commands get the token of ``bakery
env``, which expires and cannot make others, and no client gets the management token.
"""

from collections.abc import Iterator, Sequence

from bakery.agents.client_paths import reaches_client

# hashicorp/nomad v1.11.3, command/. Some of these want rights that no policy gives.
_FOR_SERVERS = {
    "", "acl", "deployment", "eval", "fmt", "inspect", "namespace", "operator", "plan", "plugin", "quota", "run",
    "scaling", "server", "service", "stop", "system", "validate", "var", "version", "volume",
}  # fmt: skip
_OF_JOBS_FOR_CLIENTS = {"action", "restart"}
_TOPIC = "event-topic"
_ADDRESSES = ("address", "http-addr")
"""Options of nomad and consul that name another agent than the environment does."""
_API_OPTIONS_WITH_VALUES = {
    "H", "X", "ca-cert", "ca-path", "client-cert", "client-key", "filter", "namespace", "region",
    "tls-server-name", "token",
}  # fmt: skip
"""Of ``nomad operator api`` (hashicorp/nomad v1.11.3, command/operator_api.go and command/meta.go)."""


def may_have_management_token(product: str, arguments: Sequence[str]) -> bool:
    """Return whether ``consul ARGUMENTS`` or ``nomad ARGUMENTS`` asks servers only.

    ``product`` is "Consul" or "Nomad".
    """
    names_agent = any(word.startswith("-") and word.lstrip("-").startswith(_ADDRESSES) for word in arguments)
    return not names_agent and (product == "Consul" or not asks_clients(arguments))


def asks_clients(arguments: Sequence[str]) -> bool:
    """Return whether ``nomad ARGUMENTS`` may ask a client."""
    words = _words(arguments)
    if words[0] == "job":
        return words[1] in _OF_JOBS_FOR_CLIENTS
    if words[:2] == ["operator", "api"]:
        return any(not _is_path(word) or reaches_client(word) for word in _requested(arguments))
    return is_debug(arguments) or (words[0] not in _FOR_SERVERS and words[:2] != ["node", "pool"])


def with_topic(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the arguments; for ``operator debug`` with a topic of events that the operator's token may read.

    Without one it asks for all topics, which only a management token may, and crashes when it is refused
    (hashicorp/nomad v1.11.3, command/operator_debug.go, captureEventStream).
    """
    if not is_debug(arguments) or any(word.lstrip("-").startswith(_TOPIC) for word in arguments):
        return tuple(arguments)
    return (*arguments, f"-{_TOPIC}=Evaluation")


def is_debug(arguments: Sequence[str]) -> bool:
    """Return whether ``nomad ARGUMENTS`` is ``nomad operator debug``."""
    return _words(arguments)[:2] == ["operator", "debug"]


def _requested(arguments: Sequence[str]) -> Iterator[str]:
    """Yield the words of ``nomad operator api`` that are neither options nor their values: what it requests."""
    is_value, words = False, []
    for word in arguments:
        if not is_value and word and not word.startswith("-"):
            words.append(word)
        is_value = word.startswith("-") and word.lstrip("-") in _API_OPTIONS_WITH_VALUES
    yield from words[2:]


def _is_path(word: str) -> bool:
    """Return whether nomad asks the agent of its environment for it. Any other word names a host, too."""
    return word.startswith("/") and not word.startswith("//")


def _words(arguments: Sequence[str]) -> list[str]:
    """Return what is not an option, as nomad finds its command (mitchellh/cli skips empty words), and two more."""
    return [*(word for word in arguments if word and not word.startswith("-")), "", ""]
