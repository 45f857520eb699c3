"""The secrets that bakery knows on this machine, to cut them out of texts: a support bundle, a crash report."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bakery.cloud.access import TOKEN_VARIABLES, read_token
from bakery.config.model import ClusterConfig
from bakery.config.paths import state_paths
from bakery.credentials.at_rest import PASSPHRASE_VARIABLE
from bakery.credentials.issue import rendered_roles
from bakery.credentials.redaction import secrets_of, secrets_of_file, secrets_on_disk
from bakery.credentials.seen import seen_secrets
from bakery.credentials.store import find_bundle
from bakery.errors import BakeryError
from bakery.plan.build import build_plan

VARIABLES = (
    *TOKEN_VARIABLES, PASSPHRASE_VARIABLE, "BAKERY_P12_PASSWORD", "CONSUL_HTTP_TOKEN", "NOMAD_TOKEN"
)  # fmt: skip
"""Variables whose values are secret."""
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
"""Variables with URLs that may have a password."""
UNREADABLE = (BakeryError, OSError)
"""Errors of a file that cannot be read, or of a file that is damaged."""

_Source = Callable[[], Iterable[str]]


def known_secrets(
    *configs: ClusterConfig,
    droplets: Iterable[str] = (),
    left_out: tuple[type[Exception], ...] = UNREADABLE,
) -> tuple[str, ...]:
    """Return every secret that bakery knows on this machine, in any order; a key line by line.

    These are the secrets of the environment, those that this process has held, and for each cluster those of its
    cluster file, of its bundle with the tokens of nodes and roles, and of the files beside the bundle.
    ``droplets`` are names of droplets that the plan does not have; they have tokens too.

    A source that raises one of ``left_out`` is left out, and no other source is; other exceptions are raised.
    """
    sources: list[_Source] = [_of_environment, _of_token_file]
    for config in configs:
        paths = state_paths(config.path, config.cluster)
        sources += [partial(secrets_of_file, config), partial(secrets_on_disk, paths)]
        sources.append(partial(_of_bundle, config, tuple(droplets), left_out))
    sources.append(seen_secrets)
    return tuple(set(_read(sources, left_out)))


def _read(sources: Iterable[_Source], left_out: tuple[type[Exception], ...]) -> Iterator[str]:
    for source in sources:
        with suppress(*left_out):
            yield from source()


def _of_environment() -> Iterator[str]:
    for name in VARIABLES:
        yield os.environ.get(name, "").strip()
    for name in PROXIES:
        with suppress(ValueError):  # not a URL
            value = os.environ.get(name, "")
            # requests takes a proxy without a scheme for one with http (requests.utils, prepend_scheme_if_needed).
            yield unquote(urlsplit(value if "://" in value else f"http://{value}").password or "")


def _of_token_file() -> Iterator[str]:
    file = os.environ.get("DIGITALOCEAN_TOKEN_FILE")
    if file:
        yield read_token(os.environ, Path(file))


def _of_bundle(
    config: ClusterConfig, droplets: Iterable[str], left_out: tuple[type[Exception], ...]
) -> Iterable[str]:
    paths = state_paths(config.path, config.cluster)
    bundle = find_bundle(paths)
    if bundle is None:
        return ()
    named: tuple[_Source, ...] = (
        lambda: (node.name for node in build_plan(config).nodes),
        lambda: rendered_roles(paths),
    )
    subjects = {*droplets, *(role.name for role in config.roles), *_read(named, left_out)}
    return secrets_of(bundle, sorted(subjects))
