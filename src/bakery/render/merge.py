"""Merge the cluster file's own configuration of an agent into bakery's."""

from collections.abc import Mapping
from typing import Any

from bakery.errors import RenderError


def merged(config: Mapping[str, Any], own: Mapping[str, Any], *, key: str) -> dict[str, Any]:
    """Return ``config`` with ``own`` merged in: mappings key by key; any other value replaces the one before.

    ``key`` names the key of the cluster file in errors. What ``own`` may not set is refused when the file is
    loaded (:mod:`bakery.config.merges`).

    Raises:
        RenderError: ``own`` has a mapping where ``config`` has another value, or the other way round.
    """
    result = dict(config)
    for name, value in own.items():
        before = result.get(name)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            result[name] = merged(before, value, key=f"{key}.{name}")
        elif name in result and isinstance(value, Mapping) != isinstance(before, Mapping):
            wanted = "a mapping" if isinstance(before, Mapping) else f"a value such as {before!r}"
            raise RenderError(message=f"{key}.{name} must be {wanted}", hint="change it in the cluster file")
        else:
            result[name] = value
    return result
