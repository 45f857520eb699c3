"""The secrets that this process has held, to cut them out of the report of a crash.

Their files may have changed since, or cannot be read any more. Each type of :mod:`bakery.credentials.model` that
holds a secret notes it when it is made.
"""

from collections.abc import Iterator

_seen: set[object] = set()
SHORTEST_VALUE = 8
"""Characters. Shorter values that may be secret, such as merged configuration, are not searched for: a duration, a
level or a user's name may be in any text."""
_SHORTEST = 16
"""Shorter lines of a key's PEM are not searched for: the last one may be a few letters that are in any text."""


def note(*secrets: str) -> None:
    """Remember secrets, and keys in PEM, until the process ends. A launch notes thousands: this must be quick."""
    _seen.update(secrets)


def seen_secrets() -> Iterator[str]:
    """Yield them; a key line by line."""
    # A damaged file may have another value in the place of a secret.
    for secret in (each for each in tuple(_seen) if isinstance(each, str)):
        yield from lines_of_key(secret) if secret.startswith("-----BEGIN ") else (secret,)


def lines_of_key(pem: str) -> list[str]:
    """Return the lines that are searched for of a key in PEM, or of a file of user-data."""
    lines = (line.strip() for line in pem.splitlines())
    return [line for line in lines if len(line) >= _SHORTEST and not line.startswith("-----")]
