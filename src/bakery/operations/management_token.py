"""Which commands of the consul and nomad programs get the management token: those that ask servers only.

Nomad's servers pass the caller's token on to each client that they ask: for logs, files, exec, signals,
statistics and metadata. Root on the client can read it (hashicorp/nomad v1.11.3, client/alloc_endpoint.go,
ResolveToken). An agent that the user names may be a client's too, and a program of the user's that consul or
nomad starts may ask a client. So these commands get the token of ``bakery env``, which expires and cannot make
others, and no client gets the management token. ``nomad operator api`` can ask for anything, so only its plain
requests get it.
"""

import re
from collections.abc import Sequence
from posixpath import normpath

from bakery.agents.client_paths import reaches_client

# hashicorp/nomad v1.11.3, command/. Some of these want rights that no policy gives.
_FOR_SERVERS = {
    "", "acl", "deployment", "eval", "fmt", "inspect", "namespace", "operator", "plan", "plugin", "quota", "run",
    "scaling", "server", "service", "stop", "system", "validate", "var", "version", "volume",
}  # fmt: skip
_OF_JOBS_FOR_CLIENTS = {"action", "restart"}
# hashicorp/consul v1.22.5, command/: "connect" writes the token into Envoy's configuration, or starts a proxy with
# it; "lock" and "watch" start a program; "agent" starts those of its watches and checks.
_OF_CONSUL_WITH_PROGRAMS = {"agent", "connect", "lock", "watch"}
_BROWSER = "ui"
"""An option of many commands of nomad that starts the browser (command/meta.go, showUIPath)."""
_READS_JOB = {"plan", "run", "validate"}
_FETCHED = re.compile(
    r"[a-z0-9]+:|git@|(?:github|gitlab|bitbucket)\.|.*(?:\.amazonaws|googleapis)\.com/", re.IGNORECASE
)
"""The source of a job's file for which nomad may start git, hg or a program of the AWS configuration
(``credential_process``): command/helpers.go, and the detectors of hashicorp/go-getter 1.8.4."""
_TOPIC = "event-topic"
_ADDRESSES = ("address", "http-addr", "grpc-addr")
"""Options of nomad and consul that name another agent than the environment does."""
_API_OPTIONS = {
    "X": True, "filter": True, "namespace": True, "region": True,
    "dryrun": False, "force-color": False, "no-color": False,
}  # fmt: skip
"""Options of a plain ``nomad operator api``, and whether each takes a value (hashicorp/nomad v1.11.3,
command/operator_api.go and command/meta.go). ``-H`` is not among them, because a header may ask for a WebSocket to
a client; nor is ``-verbose``, which prints the token."""
_API_PATH = re.compile(r"(/v1/[A-Za-z0-9._/-]+)(?:\?[^#%]*)?")
"""A path of the API, and a query: without a host, a fragment and escapes, which nomad may read in another way."""


def may_have_management_token(product: str, arguments: Sequence[str]) -> bool:
    """Return whether ``consul ARGUMENTS`` or ``nomad ARGUMENTS`` asks servers only, and starts no other program.

    ``product`` is "Consul" or "Nomad".
    """
    names_agent = any(word.startswith("-") and word.lstrip("-").startswith(_ADDRESSES) for word in arguments)
    if product == "Consul":
        return not names_agent and _words(arguments)[0] not in _OF_CONSUL_WITH_PROGRAMS
    return not names_agent and not asks_clients(arguments) and not _starts_program(arguments)


def asks_clients(arguments: Sequence[str]) -> bool:
    """Return whether ``nomad ARGUMENTS`` may ask a client.

    True also for each ``operator api`` that is not a plain request, with known options for one path.
    """
    words = _words(arguments)
    if words[0] == "job":
        return words[1] in _OF_JOBS_FOR_CLIENTS
    if words[:2] == ["operator", "api"]:
        return not _is_plain_request(arguments)
    return is_debug(arguments) or (words[0] not in _FOR_SERVERS and words[:2] != ["node", "pool"])


def _starts_program(arguments: Sequence[str]) -> bool:
    """Return whether ``nomad ARGUMENTS`` may start the user's program, the browser, git or hg."""
    words = _words(arguments)
    if any(word.startswith("-") and word.lstrip("-").partition("=")[0] == _BROWSER for word in arguments):
        return True
    if words[0] in _READS_JOB or (words[0] == "job" and words[1] in _READS_JOB):
        return any(_FETCHED.match(word) for word in words)
    return words[:2] == ["var", "lock"]


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


def _is_plain_request(arguments: Sequence[str]) -> bool:
    """Return whether ``nomad operator api ...`` requests one path, which a server answers itself."""
    if tuple(arguments[:2]) != ("operator", "api"):
        return False
    rest = _after_options(arguments[2:])
    found = _API_PATH.fullmatch(rest[0]) if len(rest) == 1 else None
    return found is not None and _is_clean(found[1]) and not reaches_client(found[0])


def _after_options(arguments: Sequence[str]) -> Sequence[str]:
    """Return what follows the options, as Go's package flag finds it; nothing after an unknown option."""
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        name, equals, _ = rest.pop(0).removeprefix("-").removeprefix("-").partition("=")
        if name not in _API_OPTIONS:
            return ()
        if _API_OPTIONS[name] and not equals:
            del rest[:1]
    return rest


def _is_clean(path: str) -> bool:
    """Return whether Nomad's server reads the path as it is, without removing ``..``, ``.`` or a second slash."""
    return normpath(path) == path.removesuffix("/")


def _words(arguments: Sequence[str]) -> list[str]:
    """Return what is not an option, as nomad finds its command (mitchellh/cli skips empty words), and two more."""
    return [*(word for word in arguments if word and not word.startswith("-")), "", ""]
