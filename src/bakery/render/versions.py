"""Which keys of the agents' configuration differ by version."""

import re
from dataclasses import dataclass
from typing import Any

from bakery.errors import RenderError


@dataclass(frozen=True, kw_only=True)
class KeyRule:
    """``key`` exists since a version; before it the value goes to ``before``, or is left out without that."""

    key: str
    since: tuple[int, int]
    before: str | None = None


CONSUL_KEYS = (
    # https://github.com/hashicorp/consul/blob/main/CHANGELOG.md, 1.17.0
    KeyRule(
        key="tls.defaults.verify_server_hostname",
        since=(1, 17),
        before="tls.internal_rpc.verify_server_hostname",
    ),
    KeyRule(key="acl.tokens.dns", since=(1, 17), before="acl.tokens.default"),
    # The same, 1.16.0: GH-17171. Only servers have it.
    KeyRule(key="server_rejoin_age_max", since=(1, 16)),
)
"""Keys used here that are absent from some Consul with the ``tls`` block (1.12 and newer)."""


def fit(config: dict[str, Any], version: str, rules: tuple[KeyRule, ...]) -> dict[str, Any]:
    """Move each key that ``version`` does not know to where that version looks for it. Changes ``config``.

    A rule whose key is not in ``config`` does nothing.
    """
    release = parse_version(version)
    for rule in rules:
        if release < rule.since and (value := _take(config, rule.key)) is not None and rule.before:
            _put(config, rule.before, value)
    return config


def parse_version(version: str) -> tuple[int, int]:
    """Major and minor of "1.22.5"."""
    match = re.match(r"^(\d+)\.(\d+)", version)
    if match is None:
        message = f"{version!r} is not a version"
        raise RenderError(message=message, hint="write it as 1.22.5 in the cluster file")
    return int(match[1]), int(match[2])


def _take(config: dict[str, Any], key: str) -> Any:  # noqa: ANN401 - any JSON value
    *parents, last = key.split(".")
    for parent in parents:
        config = config.get(parent, {})
    return config.pop(last, None)


def _put(config: dict[str, Any], key: str, value: Any) -> None:  # noqa: ANN401 - any JSON value
    *parents, last = key.split(".")
    for parent in parents:
        config = config.setdefault(parent, {})
    config[last] = value
