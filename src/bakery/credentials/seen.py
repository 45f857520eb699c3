"""The secrets that this process has held, to cut them out of the report of a crash.

Their files may have changed since, or cannot be read any more. Each type of :mod:`bakery.credentials.model` that
holds a secret notes it when it is made.
"""

import json

_seen: set[str] = set()
_SHORTEST = 16
"""Shorter lines of a key's PEM are not noted: the last one may be a few letters that are in any text."""


def note(*secrets: str) -> None:
    """Remember secrets until the process ends, also as ``repr`` and JSON write them."""
    for secret in filter(None, secrets):
        _seen.update((secret, repr(secret)[1:-1], json.dumps(secret)[1:-1]))


def seen_secrets() -> tuple[str, ...]:
    """Return them, the longest first: a secret may be a part of another."""
    return tuple(sorted(_seen, key=len, reverse=True))


def lines_of_key(pem: object) -> list[str]:
    """Return the lines of a key in PEM that are secret; none of another value, which a damaged file may have."""
    if not isinstance(pem, str):
        return []
    lines = (line.strip() for line in pem.splitlines())
    return [line for line in lines if len(line) >= _SHORTEST and not line.startswith("-----")]
