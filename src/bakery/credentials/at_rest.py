"""Encrypt the bundle at rest with age: to recipients, or with a passphrase (https://age-encryption.org/v1)."""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bakery.credentials.seen import note
from bakery.errors import CredentialsError
from bakery.hidden import has_token_form, may_show_path

RECIPIENT_VARIABLE = "BAKERY_AGE_RECIPIENT"
"""Environment variable: ``age1...`` or an SSH public key (ssh-ed25519, ssh-rsa), to encrypt new bundles to."""
IDENTITY_VARIABLE = "BAKERY_AGE_IDENTITY"
"""Environment variable: the path of the file with the matching age or SSH private key."""
PASSPHRASE_VARIABLE = "BAKERY_AGE_PASSPHRASE"  # noqa: S105 - the name of a variable
"""Environment variable: the passphrase of a bundle that is encrypted with one."""
_MAGIC = b"age-encryption.org/v1\n"
_SCRYPT = b"-> scrypt "
"""The header of a file with a passphrase has this stanza and no other (age-encryption.org/v1, "scrypt")."""
# pyrage names a wrong key in the texts of its errors only; every other text is of a damaged file.
_WRONG_KEY = ("No matching keys found", "Decryption failed")
_SSH_KINDS = ("ssh-ed25519", "ssh-rsa")
"""The SSH keys to which age encrypts (age-encryption.org/v1, and pyrage's documentation of its module ssh)."""
_OTHER_SSH_KINDS = ("ecdsa-", "sk-ssh-", "sk-ecdsa-", "ssh-dss")
_RESTORE = "restore the file from a backup"

AskPassphrase = Callable[[Path], str | None]


@dataclass(frozen=True, kw_only=True)
class Lock:
    """What a bundle is encrypted with: recipients, or else a passphrase."""

    recipients: tuple[str, ...] = ()
    """``age1...`` or SSH public keys of type ssh-ed25519 or ssh-rsa."""
    passphrase: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        note(self.passphrase or "")


@dataclass
class _Process:
    """What this process keeps, so that a passphrase is asked for and a file is decrypted once."""

    ask: AskPassphrase | None = None
    opened: dict[str, bytes] = field(default_factory=dict, repr=False)
    """Decrypted contents by the SHA-256 of the encrypted ones. A passphrase takes seconds of computing."""


_process = _Process()


def ask_passphrase_with(ask: AskPassphrase | None) -> None:
    """Ask for a passphrase with ``ask`` from now on; never, if it is None.

    It gets the file, and returns None if it cannot ask.
    """
    _process.ask = ask


def recipient() -> str | None:
    """Return the recipient of new bundles; None if they are stored in plain text."""
    return os.environ.get(RECIPIENT_VARIABLE, "").strip() or None


def is_encrypted(content: bytes) -> bool:
    """Return whether it is a file of age."""
    return content.startswith(_MAGIC)


def has_passphrase(content: bytes) -> bool:
    """Return whether it is encrypted with a passphrase, not to recipients."""
    return content.startswith(_MAGIC + _SCRYPT)


def encrypt(content: bytes, lock: Lock, *, source: str = RECIPIENT_VARIABLE) -> bytes:
    """Return ``content`` encrypted with ``lock``. ``source`` names in errors where the recipients are from.

    Raises:
        CredentialsError: a recipient is neither an age recipient nor an SSH public key that age takes.
    """
    import pyrage  # type: ignore[import-untyped]

    if lock.passphrase is not None:
        encrypted: bytes = pyrage.passphrase.encrypt(content, lock.passphrase)
        return encrypted
    for to in lock.recipients:
        _check_ssh_kind(to, source)
    kinds = [pyrage.ssh if to.startswith("ssh-") else pyrage.x25519 for to in lock.recipients]
    try:
        recipients = [kind.Recipient.from_str(to) for kind, to in zip(kinds, lock.recipients, strict=True)]
        encrypted = pyrage.encrypt(content, recipients)
    except (pyrage.RecipientError, pyrage.EncryptError) as error:
        message = f"{source} is not an age recipient"
        hint = "give the public key that age-keygen prints (age1...) or an SSH key of type ssh-ed25519 or ssh-rsa"
        raise CredentialsError(message=message, details=str(error), hint=hint) from error
    return encrypted


def _check_ssh_kind(to: str, source: str) -> None:
    """Refuse an SSH public key of a type that age does not take: pyrage says only that it is no ``age1...``."""
    kind = to.partition(" ")[0]
    if kind.startswith(_OTHER_SSH_KINDS):
        message = f"{source} is an SSH key of type {kind}, to which age does not encrypt"
        hint = f"give an SSH public key of type {' or '.join(_SSH_KINDS)}, or an age recipient (age1...)"
        raise CredentialsError(message=message, hint=hint)


def decrypt(content: bytes, *, source: Path) -> bytes:
    """Return what :func:`encrypt` encrypted. ``source`` is the file's name in errors.

    Raises:
        CredentialsError: no identity or passphrase is given, it cannot be read, it is a wrong one, or the content
        was changed.
    """
    if not is_encrypted(content):
        message = f"{source} cannot be decrypted: it is not a file of age"
        raise CredentialsError(message=message, hint=_RESTORE)
    digest = hashlib.sha256(content).hexdigest()
    if digest not in _process.opened:
        _process.opened[digest] = (_open_with_passphrase if has_passphrase(content) else _open)(content, source)
    return _process.opened[digest]


def _open(content: bytes, source: Path) -> bytes:
    import pyrage

    try:
        plain: bytes = pyrage.decrypt(content, _identities(source))
    except pyrage.DecryptError as error:
        _check_damage(error, source)
        what = f"cannot be decrypted with the identity in {IDENTITY_VARIABLE}"
        hint = f"set {IDENTITY_VARIABLE} to the identity of its recipient, or {_RESTORE}"
        raise CredentialsError(
            message=f"{source} {what}", cause=f"it {what}", details=str(error), hint=hint
        ) from error
    return plain


def _open_with_passphrase(content: bytes, source: Path) -> bytes:
    import pyrage

    try:
        plain: bytes = pyrage.passphrase.decrypt(content, _passphrase(source))
    except pyrage.DecryptError as error:
        _check_damage(error, source)
        message = f"{source} cannot be decrypted: the passphrase is wrong"
        raise CredentialsError(message=message, hint=f"check {PASSPHRASE_VARIABLE}, or type it again") from None
    return plain


def _check_damage(error: Exception, source: Path) -> None:
    if str(error) not in _WRONG_KEY:
        message = f"{source} cannot be decrypted: it is damaged, or was changed"
        raise CredentialsError(message=message, details=str(error), hint=_RESTORE) from error


def _passphrase(source: Path) -> str:
    given = os.environ.get(PASSPHRASE_VARIABLE) or (_process.ask(source) if _process.ask else None)
    if not given:
        message = f"{source} is encrypted with a passphrase, and {PASSPHRASE_VARIABLE} is not set"
        raise CredentialsError(message=message, hint="run this on a terminal, or set the variable")
    note(given)
    return given


def _identities(source: Path) -> Sequence[Any]:
    import pyrage

    path = os.environ.get(IDENTITY_VARIABLE, "").strip()
    if not path:
        cause = f"{IDENTITY_VARIABLE} is not set"
        hint = f"export {IDENTITY_VARIABLE}=PATH-OF-YOUR-AGE-IDENTITY"
        raise CredentialsError(message=f"{source} is encrypted and {cause}", cause=cause, hint=hint)
    if has_token_form(path):
        message = f"{IDENTITY_VARIABLE} holds an identity, and must hold the path of its file"
        raise CredentialsError(message=message, hint="write the identity into a file that only you can read")
    file = Path(path).expanduser()
    try:
        text = file.read_bytes()
        if text.startswith(b"-----BEGIN"):
            return [pyrage.ssh.Identity.from_buffer(text)]
        lines = [line.strip() for line in text.decode().splitlines()]
        return [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except OSError as error:
        problem = error.strerror
    except (pyrage.IdentityError, UnicodeDecodeError):
        # The errors' own messages may quote the file, which contains a private key.
        problem = "the file contains neither an age identity nor an unencrypted SSH private key"
    named = path if may_show_path(path, file) else f"that {IDENTITY_VARIABLE} names"
    message = f"the age identity {named} cannot be used"
    raise CredentialsError(message=message, details=problem, hint=f"check {IDENTITY_VARIABLE}")
