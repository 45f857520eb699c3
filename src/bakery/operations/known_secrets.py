"""The secrets of a cluster that this machine knows, to cut them out of texts."""

from collections.abc import Iterable

from bakery.config.model import ClusterConfig
from bakery.config.paths import StatePaths
from bakery.credentials.redaction import secrets_of, secrets_of_file, secrets_on_disk
from bakery.credentials.store import find_bundle
from bakery.plan.build import build_plan


def known_secrets(config: ClusterConfig, paths: StatePaths, droplets: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the secrets of the cluster file, of the bundle with its tokens, and of the files beside the bundle.

    ``droplets`` are names of droplets that the plan does not have; they have tokens too.

    Raises:
        CredentialsError: the bundle cannot be read.
    """
    found, bundle = secrets_of_file(config), find_bundle(paths)
    if bundle is None:
        return found
    nodes = (node.name for node in build_plan(config).nodes)
    subjects = sorted({*nodes, *droplets, *(role.name for role in config.roles)})
    return (*secrets_of(bundle, subjects), *secrets_on_disk(paths), *found)
