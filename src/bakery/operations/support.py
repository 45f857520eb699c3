"""What a person who helps needs to see of a cluster, without its secrets."""

import json
import os
import platform
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, is_dataclass
from typing import Any

from bakery import __version__
from bakery.agents.interface import AclApi
from bakery.config.load import read_text
from bakery.config.merged_texts import hide_merged_texts
from bakery.credentials.model import Bundle
from bakery.credentials.redaction import without_secrets
from bakery.errors import AgentError, BakeryError
from bakery.observe.leaders import ServerAddress
from bakery.operations.agent_logs import LogSource, open_logs
from bakery.operations.cluster import active_servers
from bakery.operations.context import Context
from bakery.operations.credentials import connect_agents, load_credentials
from bakery.operations.droplets import list_droplets
from bakery.operations.known_secrets import known_secrets

LOG_LEVEL = "debug"
JOURNAL_SECONDS = 3600
"""How much of the past of each node that runs Nomad is in the bundle."""

Part = Callable[[], Mapping[str, str]]
"""Returns contents by file name."""


def collect_support(context: Context, commands: Mapping[str, str], *, log_seconds: float) -> Mapping[str, str]:
    """Return the files of the bundle by name: ``commands``, versions, cluster file, servers, logs. Raises nothing.

    A part that fails is a file with its error. ``commands`` are outputs of commands of bakery, by file name.
    The secrets that bakery knows on this machine are removed from all of them.
    """
    files: dict[str, str] = dict(commands)
    droplets = _droplet_names(context)  # and again at the end: the API may not answer now
    bundle = _bundle(context, files)
    parts: dict[str, Part] = {
        "versions": lambda: _versions(context),
        "cluster-file": lambda: {"bakery.yaml": hide_merged_texts(read_text(context.config.path))},
    }
    if bundle is not None:
        parts |= {
            "servers": lambda: _servers(context, bundle),
            "logs": lambda: _logs(context, bundle, log_seconds),
        }
    for name, part in parts.items():
        try:
            files |= part()
        except (BakeryError, OSError) as error:
            files[f"{name}.error.txt"] = _error_text(error)
    hidden = known_secrets(context.config, droplets=droplets | _droplet_names(context))
    return {name: without_secrets(content, hidden) for name, content in files.items()}


def _bundle(context: Context, files: dict[str, str]) -> Bundle | None:
    try:
        return load_credentials(context)
    except BakeryError as error:
        files["credentials.error.txt"] = _error_text(error)
        return None


def _versions(context: Context) -> Mapping[str, str]:
    image = context.config.image
    found = {
        "bakery": __version__,
        "python": platform.python_version(),
        "system": _system(),
        "consul": image.consul,
        "nomad": image.nomad,
        "base image": image.base,
    }
    return {"versions.json": _json(found)}


def _system() -> str:
    """Return kernel, release and machine. platform.platform() passes all variables to a process, "uname -p"."""
    found = os.uname()
    return f"{found.sysname} {found.release} {found.machine}"


def _servers(context: Context, bundle: Bundle) -> Mapping[str, str]:
    servers, clients = active_servers(context, bundle), connect_agents(context, bundle)
    found = {"consul.json": _json(_ask(servers.consul, clients.consul, ("catalog_nodes", "passing_nodes")))}
    if servers.nomad:
        found["nomad.json"] = _json(_ask(servers.nomad, clients.nomad, ("nodes",)))
    return found


def _ask(
    servers: tuple[ServerAddress, ...], connect: Callable[[str], AclApi], more: tuple[str, ...]
) -> Mapping[str, Any]:
    """Return answers by call; a call that failed has its error."""
    api = connect(servers[0].address)
    answers: dict[str, Any] = {"servers": [asdict(server) for server in servers]}
    for call in ("leader", "members", "raft_peers", "autopilot", "min_quorum", *more):
        try:
            answers[call] = _plain(getattr(api, call)())
        except AgentError as error:
            answers[call] = f"error: {error.full_message}"
    return answers


def _plain(value: Any) -> Any:  # noqa: ANN401 - any answer
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _logs(context: Context, bundle: Bundle, seconds: float) -> Mapping[str, str]:
    with open_logs(context, bundle) as sources, ThreadPoolExecutor(max_workers=max(len(sources), 1)) as pool:
        texts = list(pool.map(lambda source: _log(source, seconds), sources))
    return {f"logs/{source.node}-{source.agent}.log": text for source, text in zip(sources, texts, strict=True)}


def _log(source: LogSource, seconds: float) -> str:
    """Return new lines of an agent, or lines of the past of a system."""
    lines: list[str] = []
    try:
        if source.live is not None:
            lines.extend(source.live(LOG_LEVEL, seconds))
        elif source.journal is not None:
            lines.extend(source.journal.read(JOURNAL_SECONDS, follow=False))
    except AgentError as error:
        lines.append(f"error: {error.full_message}")
    return "\n".join([*lines, ""])


def _droplet_names(context: Context) -> set[str]:
    with suppress(BakeryError):
        return {droplet.name for droplet in list_droplets(context)}
    return set()


def _error_text(error: BakeryError | OSError) -> str:
    return (error.full_message if isinstance(error, BakeryError) else str(error)) + "\n"


def _json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return json.dumps(value, indent=2, sort_keys=True, default=str) + "\n"
