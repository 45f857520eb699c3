"""The secrets that this process has held, to cut them out of the report of a crash.

Their files may have changed since, or cannot be read any more. Each type of :mod:`bakery.credentials.model` that
holds a secret notes it when it is made.
"""

import json
from collections.abc import Iterable, Iterator

_seen: set[object] = set()
_SHORTEST_SECRET = 4
"""A typed password may be shorter, and in any text."""
_SHORTEST = 16
"""Shorter lines of a key's PEM are not searched for: the last one may be a few letters that are in any text."""


def note(*secrets: str) -> None:
    """Remember secrets, and keys in PEM, until the process ends. A launch notes thousands: this must be quick."""
    _seen.update(secrets)


def seen_secrets() -> Iterator[str]:
    """Yield them; a key line by line."""
    # A damaged file may have another value in the place of a secret.
    for secret in (each for each in tuple(_seen) if isinstance(each, str) and len(each) >= _SHORTEST_SECRET):
        yield from lines_of_key(secret) if secret.startswith("-----BEGIN ") else (secret,)


def spelled(secrets: Iterable[str]) -> tuple[str, ...]:
    """Return each secret as it is, and as ``repr`` and JSON write it.

    The longest are first: a secret may be a part of another.
    """
    found: set[str] = set()
    for secret in secrets:
        found.update((secret, repr(secret)[1:-1], json.dumps(secret)[1:-1]))
    return tuple(sorted(found, key=len, reverse=True))


def lines_of_key(pem: str) -> list[str]:
    """Return the lines of a key in PEM that are secret."""
    lines = (line.strip() for line in pem.splitlines())
    return [line for line in lines if len(line) >= _SHORTEST and not line.startswith("-----")]
