"""SSH keys of the account."""

import base64
import binascii
import hashlib
from collections.abc import Iterable

from bakery.emulator.account.errors import NotFound, Unprocessable
from bakery.emulator.account.model import SshKey
from bakery.emulator.account.source import Ids


def fingerprint(public_key: str) -> str:
    """Return the MD5 fingerprint, the API's name for a key, of a public key line in OpenSSH's format.

    Raises Unprocessable if the line has another format.
    """
    parts = public_key.split()
    message = "Key invalid, key should be of the format `type key [comment]`"
    if len(parts) < 2:
        raise Unprocessable(message)
    try:
        blob = base64.b64decode(parts[1], validate=True)
    except (binascii.Error, ValueError):
        raise Unprocessable(message) from None
    # RFC 4253, 6.6: the blob starts with the length-prefixed name of its type
    if blob[4 : 4 + int.from_bytes(blob[:4], "big")] != parts[0].encode() or len(blob) < 8:
        raise Unprocessable(message)
    digest = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    return ":".join(digest[i : i + 2] for i in range(0, 32, 2))


class Keys:
    """All SSH keys of the account."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._keys: dict[int, SshKey] = {}
        self._by_fingerprint: dict[str, SshKey] = {}

    def restore(self, keys: Iterable[SshKey]) -> None:
        """Replace all keys."""
        self._keys = {key.id: key for key in keys}
        self._by_fingerprint = {key.fingerprint: key for key in self._keys.values()}

    def all(self) -> list[SshKey]:
        return list(self._keys.values())

    def find(self, id_or_fingerprint: int | str) -> SshKey | None:
        if isinstance(id_or_fingerprint, int):
            return self._keys.get(id_or_fingerprint)
        if id_or_fingerprint in self._by_fingerprint:
            return self._by_fingerprint[id_or_fingerprint]
        number = id_or_fingerprint if id_or_fingerprint.isdecimal() and len(id_or_fingerprint) < 19 else "0"
        return self._keys.get(int(number))

    def get(self, id_or_fingerprint: int | str) -> SshKey:
        key = self.find(id_or_fingerprint)
        if key is None:
            raise NotFound
        return key

    def create(self, name: str, public_key: str) -> SshKey:
        mark = fingerprint(public_key)
        if mark in self._by_fingerprint:
            message = "SSH Key is already in use on your account"
            raise Unprocessable(message)
        key = SshKey(id=self._ids.number(), name=name, public_key=public_key.strip(), fingerprint=mark)
        self._keys[key.id] = key
        self._by_fingerprint[mark] = key
        return key

    def remove(self, id_or_fingerprint: int | str) -> None:
        key = self.get(id_or_fingerprint)
        del self._keys[key.id]
        del self._by_fingerprint[key.fingerprint]
