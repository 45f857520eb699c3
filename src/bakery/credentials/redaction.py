"""Remove secrets from texts that leave this machine, such as a support bundle."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from bakery.config.model import ClusterConfig
from bakery.config.paths import StatePaths
from bakery.credentials.hiding import hide
from bakery.credentials.model import Bundle, Token
from bakery.credentials.registries import login_secrets
from bakery.credentials.seen import SHORTEST_VALUE, lines_of_key
from bakery.credentials.tokens import shared_dns_token, tokens_of

# A token of DigitalOcean, a private key in PEM or as one line of JSON, an identity of age, a JWT (RFC 7519), a
# file in user-data (gzip in base64).
_PATTERNS = (
    re.compile(r"do[opr]_v1_[0-9a-f]{64}"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL),
    re.compile(r"AGE-SECRET-KEY-1[0-9A-Z]{20,}", re.IGNORECASE),
    re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{16,}"),
    re.compile(r"H4sI[A-Za-z0-9+/]{16,}={0,2}"),
)
# A file that was cut has no end.
_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END|\Z)", re.DOTALL)


def secrets_of(bundle: Bundle, subjects: Iterable[str]) -> tuple[str, ...]:
    """Return every secret of the bundle, with the tokens derived for ``subjects``: names of nodes and of roles."""
    tokens = [bundle.consul_management, bundle.nomad_management, shared_dns_token(bundle)]
    for subject in subjects:
        tokens += tokens_of(bundle, subject)
    keys = [bundle.consul_ca.key, bundle.nomad_ca.key, bundle.consul_operator.key, bundle.nomad_operator.key]
    others = (bundle.consul_gossip_key, bundle.nomad_gossip_key, bundle.token_seed)
    return (*_token_secrets(tokens), *others, *(line for key in keys for line in lines_of_key(key)))


def secrets_on_disk(paths: StatePaths) -> tuple[str, ...]:
    """Return the keys and tokens in the files beside the bundle: the operator's, those of others, of roles.

    A damaged file is searched all the same; one that cannot be read is left out.
    """
    keys = (*paths.folder.glob("*-key.pem"), *paths.issued.glob("*/*-key.pem"))
    texts = [_content(file) for file in sorted((*keys, *paths.issued.glob("*/*-token")))]
    for file in sorted(paths.roles.glob("*.json")):
        # Keys as JSON has them, in one line.
        texts += _KEY.findall(_content(file).replace("\\n", "\n"))
    return tuple(line for text in texts for line in lines_of_key(text))


def secrets_of_file(config: ClusterConfig) -> tuple[str, ...]:
    """Return what the cluster file has or names that may be secret, as far as it can be read.

    That is the credentials of registries, the keys of ingress nodes' certificates, the lines of the files of
    ``user_data``, and every text of eight characters or more and number of eight digits or more in merged
    configuration: bakery does not know which of its keys are secret.
    """
    folder = config.path.parent
    found: list[str] = []
    for registry in config.docker.registries:
        found += login_secrets(registry, folder)
    for pair in config.ingress.certificates:
        found += lines_of_key(_content(folder / pair.key))
    for role in config.roles:
        found += _merged_values([role.settings.nomad, role.settings.consul])
        for part in role.settings.user_data:
            found += lines_of_key(part.text)
    return tuple(found)


def _content(file: Path) -> str:
    """Return the file's text; an empty one if it cannot be read."""
    with suppress(OSError):
        return file.read_text(encoding="utf-8", errors="replace")
    return ""


def _merged_values(value: Any) -> Iterator[str]:  # noqa: ANN401 - any part of a configuration
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _merged_values(item)
    elif isinstance(value, str):
        # A program may write a text of several lines line by line.
        lines = (line.strip() for line in value.splitlines())
        yield from (text for text in (value, *lines) if len(text) >= SHORTEST_VALUE)
    elif isinstance(value, int | float) and sum(map(str.isdigit, str(value))) >= SHORTEST_VALUE:
        yield str(value)


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """Return ``text`` with ``***`` in place of every secret, and of each text that has the form of one.

    Secrets are found in the forms of :func:`bakery.credentials.hiding.hide`.
    """
    # Secrets first: a form in the middle of one would leave the rest of it.
    text = hide(text, secrets)
    for pattern in _PATTERNS:
        text = pattern.sub("***", text)
    return text


def _token_secrets(tokens: Iterable[Token]) -> Iterator[str]:
    yield from (token.secret for token in tokens)
