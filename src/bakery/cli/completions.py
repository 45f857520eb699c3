"""Words for the shell's completion: names from the cluster file and this machine, slugs from the account.

A completion prints no error: where a file or the account cannot be read, it offers nothing. Slugs and images stay
in the cache for a day, so that the shell asks the account once a day.
"""

import json
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from bakery.cloud.interface import Cloud

CACHE_SECONDS = 24 * 3600
SECONDS = 2.0
"""How long the shell waits for the account."""
Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _offer(words: Callable[[click.Context], Iterable[str]]) -> Complete:
    """Return a completion that offers those of the words that begin as the incomplete word does."""

    def complete(
        context: click.Context,
        parameter: click.Parameter,  # noqa: ARG001 - click's signature
        incomplete: str,
    ) -> list[CompletionItem]:
        with suppress(Exception):
            return [CompletionItem(word) for word in words(context) if word.startswith(incomplete)]
        return []

    return complete


def _roles(context: click.Context) -> dict[str, int]:
    """Return the count of each role; those of the default cluster if the file has none."""
    found = _file(context).get("roles")
    if not isinstance(found, dict):
        return {"consul-server": 3, "nomad-server": 3, "nomad-client": 3}
    counts = {str(name): role.get("count", 0) if isinstance(role, dict) else 0 for name, role in found.items()}
    return {name: count if isinstance(count, int) else 0 for name, count in counts.items()}


def _counts(context: click.Context) -> list[str]:
    return [f"{role}=" for role in _roles(context)]


def _nodes(context: click.Context) -> list[str]:
    cluster = _file(context)["cluster"]
    return [
        f"{cluster}-{role}-{number}" for role, count in _roles(context).items() for number in range(1, count + 1)
    ]


def _emulators(_context: click.Context) -> list[str]:
    from bakery.emulator.daemon.folder import list_emulators

    return [each.name for each in list_emulators()]


def _file(context: click.Context) -> dict[str, Any]:
    """Return the cluster file as it is, unchecked: yaml alone reads it faster than bakery checks it."""
    import yaml

    from bakery.cli.options import settings_of

    found = yaml.safe_load(settings_of(context).cluster_file.read_text(encoding="utf-8"))
    return found if isinstance(found, dict) else {}


def _of_account(what: str, context: click.Context) -> list[str]:
    """Return words from the cache; from the account once a day, in one short try."""
    import platformdirs

    from bakery.cli.options import settings_of
    from bakery.files import ensure_private_folder, write_atomically

    settings = settings_of(context)
    url = os.environ.get("DIGITALOCEAN_API_URL", "digitalocean")
    place = "local" if settings.local else "".join(letter if letter.isalnum() else "-" for letter in url)
    cache = Path(platformdirs.user_cache_dir("bakery")) / "completion" / f"{what}-{place}.json"
    if cache.exists() and time.time() - cache.stat().st_mtime < CACHE_SECONDS:
        words: list[str] = json.loads(cache.read_text(encoding="utf-8"))
        return words
    words = _ask(_short_cloud(context), what)
    ensure_private_folder(cache.parent)
    write_atomically(cache, json.dumps(words).encode())
    return words


def _short_cloud(context: click.Context) -> "Cloud":
    from bakery.cli.invocation import invocation_of
    from bakery.cloud.digitalocean import connect
    from bakery.cloud.transport import TransportLimits

    invocation = invocation_of(context)
    limits = TransportLimits(tries=1, read=SECONDS)
    return connect(endpoint=invocation.endpoint.url, token=invocation.token, limits=limits)


def _ask(cloud: "Cloud", what: str) -> list[str]:
    if what == "regions":
        return sorted(region.slug for region in cloud.list_regions() if region.available)
    if what == "sizes":
        return [size.slug for size in cloud.list_sizes() if size.available]
    from bakery.plan.tags import is_content_tag

    return [str(image.id) for image in cloud.list_images() if any(map(is_content_tag, image.tags))]


roles = _offer(_roles)
"""The roles of the cluster file."""
counts = _offer(_counts)
"""The roles of the cluster file with an equals sign, for ``scale``."""
nodes = _offer(_nodes)
"""The names of the planned nodes."""
emulators = _offer(_emulators)
"""The emulators of this user."""
regions = _offer(partial(_of_account, "regions"))
"""DigitalOcean's regions."""
sizes = _offer(partial(_of_account, "sizes"))
"""DigitalOcean's droplet sizes."""
images = _offer(partial(_of_account, "images"))
"""The ids of the snapshots that bakery baked."""
