"""Encrypts the bundle at rest with age, where the user asks for it (https://age-encryption.org/v1)."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bakery.errors import CredentialsError

RECIPIENT_VARIABLE = "BAKERY_AGE_RECIPIENT"
"""``age1...`` or an SSH public key: new bundles are encrypted to it."""
IDENTITY_VARIABLE = "BAKERY_AGE_IDENTITY"
"""Path of the file with the matching age or SSH private key."""


def recipient() -> str | None:
    """Whom new bundles are encrypted to; None leaves them in plain text."""
    return os.environ.get(RECIPIENT_VARIABLE, "").strip() or None


def encrypt(content: bytes, to: str) -> bytes:
    """``content``, readable only with the identity of ``to``.

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
    """What :func:`encrypt` was given; ``source`` names the file in errors.

    Raises:
        CredentialsError: no identity is set, it cannot be read, or it does not open the file.
    """
    import pyrage

    try:
        plain: bytes = pyrage.decrypt(content, _identities(source))
    except pyrage.DecryptError as error:
        message = f"{source} cannot be decrypted with the identity in {IDENTITY_VARIABLE}"
        hint = f"set {IDENTITY_VARIABLE} to the identity it was encrypted for, or restore the file from a backup"
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
        # Their messages may quote the file, which holds a private key.
        problem = "it holds neither an age identity nor an unencrypted SSH private key"
    message = f"the age identity {path} cannot be used"
    raise CredentialsError(message=message, details=problem, hint=f"check {IDENTITY_VARIABLE}")
