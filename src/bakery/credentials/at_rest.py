"""Encrypt the bundle at rest with age, if the user sets a recipient (https://age-encryption.org/v1)."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bakery.errors import CredentialsError

RECIPIENT_VARIABLE = "BAKERY_AGE_RECIPIENT"
"""Environment variable: ``age1...`` or an SSH public key, to which new bundles are encrypted."""
IDENTITY_VARIABLE = "BAKERY_AGE_IDENTITY"
"""Environment variable: the path of the file with the matching age or SSH private key."""


def recipient() -> str | None:
    """Return the recipient of new bundles; None if they are stored in plain text."""
    return os.environ.get(RECIPIENT_VARIABLE, "").strip() or None


def encrypt(content: bytes, to: str) -> bytes:
    """Return ``content`` encrypted to the recipient ``to``.

    Raises:
        CredentialsError: ``to`` is neither an age recipient nor an SSH public key.
    """
    import pyrage  # type: ignore[import-untyped]

    kind = pyrage.ssh if to.startswith("ssh-") else pyrage.x25519
    try:
        encrypted: bytes = pyrage.encrypt(content, [kind.Recipient.from_str(to)])
    except (pyrage.RecipientError, pyrage.EncryptError) as error:
        message = f"{RECIPIENT_VARIABLE} is not an age recipient"
        hint = "give the public key that age-keygen prints (age1...) or an SSH public key"
        raise CredentialsError(message=message, details=str(error), hint=hint) from error
    return encrypted


def decrypt(content: bytes, *, source: Path) -> bytes:
    """Return what :func:`encrypt` encrypted. ``source`` is the file's name in errors.

    Raises:
        CredentialsError: no identity is set, the identity cannot be read, or it does not decrypt the content.
    """
    import pyrage

    try:
        plain: bytes = pyrage.decrypt(content, _identities(source))
    except pyrage.DecryptError as error:
        message = f"{source} cannot be decrypted with the identity in {IDENTITY_VARIABLE}"
        hint = f"set {IDENTITY_VARIABLE} to the identity of its recipient, or restore the file from a backup"
        raise CredentialsError(message=message, details=str(error), hint=hint) from error
    return plain


def _identities(source: Path) -> Sequence[Any]:
    import pyrage

    path = os.environ.get(IDENTITY_VARIABLE, "").strip()
    if not path:
        message = f"{source} is encrypted and {IDENTITY_VARIABLE} is not set"
        raise CredentialsError(message=message, hint=f"export {IDENTITY_VARIABLE}=PATH-OF-YOUR-AGE-IDENTITY")
    try:
        text = Path(path).expanduser().read_bytes()
        if text.startswith(b"-----BEGIN"):
            return [pyrage.ssh.Identity.from_buffer(text)]
        lines = [line.strip() for line in text.decode().splitlines()]
        return [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except OSError as error:
        problem = error.strerror
    except (pyrage.IdentityError, UnicodeDecodeError):
        # The errors' own messages may quote the file, which contains a private key.
        problem = "the file contains neither an age identity nor an unencrypted SSH private key"
    message = f"the age identity {path} cannot be used"
    raise CredentialsError(message=message, details=problem, hint=f"check {IDENTITY_VARIABLE}")
