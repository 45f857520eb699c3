"""Remove secrets from texts that leave this machine, such as a support bundle."""

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from bakery.config.model import ClusterConfig
from bakery.config.paths import StatePaths
from bakery.credentials.model import Bundle, Token
from bakery.credentials.registries import read_logins
from bakery.credentials.tokens import consul_dns_token, tokens_of
from bakery.errors import CredentialsError
from bakery.proc import redact

_SHORTEST = 16
"""Shorter lines of a key's PEM are not searched for: the last one may be a few letters that are in any text."""
_SHORTEST_VALUE = 8
"""Shorter values of merged configuration are not searched for: a duration or a level may be in any text."""
# A token of DigitalOcean, a private key in PEM or as one line of JSON, an identity of age.
_PATTERNS = (
    re.compile(r"do[opr]_v1_[0-9a-f]{64}"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL),
    re.compile(r"AGE-SECRET-KEY-1[0-9A-Z]{20,}", re.IGNORECASE),
)


def secrets_of(bundle: Bundle, subjects: Iterable[str]) -> tuple[str, ...]:
    """Return every secret of the bundle, with the tokens derived for ``subjects``: names of nodes and of roles."""
    tokens = [bundle.consul_management, bundle.nomad_management, consul_dns_token(bundle)]
    for subject in subjects:
        tokens += tokens_of(bundle, subject)
    keys = [bundle.consul_ca.key, bundle.nomad_ca.key, bundle.consul_operator.key, bundle.nomad_operator.key]
    others = (bundle.consul_gossip_key, bundle.nomad_gossip_key, bundle.token_seed)
    return (*_token_secrets(tokens), *others, *(line for key in keys for line in _lines(key)))


def secrets_on_disk(paths: StatePaths) -> tuple[str, ...]:
    """Return the keys and tokens in the files that were issued to others or rendered; empty if there are none."""
    found: list[str] = []
    for file in sorted((*paths.issued.glob("*/*-key.pem"), *paths.issued.glob("*/*-token"))):
        found += _lines(file.read_text(encoding="utf-8"))
    for file in sorted(paths.roles.glob("*.json")):
        document = json.loads(file.read_bytes())
        for leaf in (document.get("consul"), document.get("nomad")):
            found += _lines((leaf or {}).get("key", ""))
    return tuple(found)


def secrets_of_file(config: ClusterConfig) -> tuple[str, ...]:
    """Return what the cluster file has or names that may be secret.

    That is the passwords of registries, if they are here, and every text of eight characters or more in merged
    configuration: bakery does not know which of its keys are secret.
    """
    found: list[str] = []
    for registry in config.docker.registries:
        with suppress(CredentialsError):
            (login,) = read_logins(replace(config.docker, registries=(registry,)), config.path.parent)
            both = b64encode(f"{login.username}:{login.password}".encode()).decode()
            found += [login.password, both]
    for role in config.roles:
        for merged in (role.settings.nomad, role.settings.consul):
            found += [text for text in _texts(merged) if len(text) >= _SHORTEST_VALUE]
    # A secret that is a part of another is replaced after it.
    return tuple(sorted(found, key=len, reverse=True))


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - any part of a configuration
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """Return ``text`` with ``***`` in place of every secret, and of each text that has the form of one."""
    for pattern in _PATTERNS:
        text = pattern.sub("***", text)
    return redact(text, secrets)


def _token_secrets(tokens: Iterable[Token]) -> Iterator[str]:
    yield from (token.secret for token in tokens)


def _lines(pem: str) -> list[str]:
    lines = (line.strip() for line in pem.splitlines())
    return [line for line in lines if len(line) >= _SHORTEST and not line.startswith("-----")]
