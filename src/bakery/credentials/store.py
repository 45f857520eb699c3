"""Store the bundle of a cluster: created once, read whole or not at all, never overwritten."""

import secrets
from base64 import b64encode
from datetime import datetime
from pathlib import Path

from bakery.config.paths import StatePaths
from bakery.console import SILENT, Reporter
from bakery.credentials import at_rest
from bakery.credentials.at_rest import Lock
from bakery.credentials.authority import create_authority, issue_leaf
from bakery.credentials.codec import KEY_BYTES, decode, encode
from bakery.credentials.model import Authority, Bundle, Leaf
from bakery.credentials.names import consul_operator_names, nomad_operator_names
from bakery.credentials.publish import delete_leftovers, exclusive, publish_once
from bakery.credentials.tokens import random_token
from bakery.errors import CredentialsError
from bakery.files import is_private, sync_folder, temporaries_beside, write_secret
from bakery.hints import Command, Hint

_STORED_OPERATOR_DAYS = 365
"""Validity of the operator certificates in the bundle. Only bakery 0.1 uses them; later versions issue their
own."""
_UNREADABLE = "run bakery as the user who created the cluster, or restore the file from a backup"


def create_bundle(cluster: str, *, now: datetime) -> Bundle:
    """Create a bundle of generation 1 in memory."""
    consul_ca = create_authority("consul", cluster, now=now)
    nomad_ca = create_authority("nomad", cluster, now=now)
    return Bundle(
        cluster=cluster,
        generation=1,
        consul_ca=consul_ca,
        nomad_ca=nomad_ca,
        consul_gossip_key=_gossip_key(),
        nomad_gossip_key=_gossip_key(),
        token_seed=secrets.token_hex(KEY_BYTES),
        consul_operator=_operator(consul_ca, consul_operator_names(cluster), now=now),
        nomad_operator=_operator(nomad_ca, nomad_operator_names(), now=now),
        consul_management=random_token(),
        nomad_management=random_token(),
    )


def ensure_bundle(paths: StatePaths, cluster: str, *, now: datetime, reporter: Reporter = SILENT) -> Bundle:
    """Return the cluster's bundle; create it if it does not exist. Concurrent callers get the same bundle.

    With ``BAKERY_AGE_RECIPIENT`` a new bundle is encrypted, and its file name ends in ``.age``.

    Raises:
        CredentialsError: the bundle is damaged, of another cluster or a newer format, or cannot be decrypted; or
            this machine could not decrypt a new one.
        LockedError: another process holds the lock of the credentials for too long.
    """
    bundle = find_bundle(paths, reporter=reporter) or _make_bundle(paths, cluster, now=now)
    _check_cluster(bundle, cluster, paths)
    return bundle


def find_bundle(paths: StatePaths, *, reporter: Reporter = SILENT) -> Bundle | None:
    """Return the cluster's bundle; None if it was not created yet. Warn if other users could read the file.

    Raises:
        CredentialsError: as :func:`ensure_bundle`.
    """
    files = [file for file in (paths.bundle, paths.encrypted_bundle) if _is_there(file)]
    if not files:
        return None
    if len(files) > 1:
        raise _two_bundles(paths)
    if files[0] == paths.bundle and at_rest.recipient() is not None:
        again = Hint(f"{files[0]} is not encrypted; to encrypt it: ", Command("credentials encrypt"))
        reporter.warn(again)
    if files[0] == paths.encrypted_bundle:
        for left in temporaries_beside(paths.bundle):
            reporter.warn(f"{left} holds the credentials in plain text; run: rm {left}")
    return _load(files[0], paths, reporter)


def has_passphrase(paths: StatePaths) -> bool:
    """Return whether the bundle is encrypted with a passphrase."""
    file = paths.encrypted_bundle
    return _is_there(file) and at_rest.has_passphrase(_read(file, SILENT))


def encrypt_bundle(paths: StatePaths, lock: Lock) -> Path:
    """Encrypt the bundle, or encrypt it anew with another lock; return its file. Safe to repeat.

    What killed commands left of the bundle is deleted too.

    Raises:
        CredentialsError: there is no bundle, it cannot be read, its file is a symbolic link, or this machine could
            not decrypt it afterwards. Nothing was changed.
    """
    paths.ensure()  # the folder may be back from a backup, without the file that hides it from git
    with exclusive(paths.folder):
        _refuse_link(paths.bundle)
        _refuse_link(paths.encrypted_bundle)
        content = encode(_either(paths))
        encrypted = at_rest.encrypt(content, lock, source="--recipient")
        another = "add a recipient whose identity is here: --recipient may be repeated"
        _check_opens(encrypted, lock, paths.encrypted_bundle, another)
        write_secret(paths.encrypted_bundle, encrypted)
        _remove(paths.bundle)
        delete_leftovers(paths.bundle)
        delete_leftovers(paths.encrypted_bundle)
    return paths.encrypted_bundle


def decrypt_bundle(paths: StatePaths) -> Path:
    """Store the bundle in plain text again; return its file. Safe to repeat.

    Raises:
        CredentialsError: there is no bundle, or it cannot be decrypted.
    """
    paths.ensure()  # as in encrypt_bundle
    with exclusive(paths.folder):
        content = encode(_either(paths))
        if not _is_there(paths.bundle):
            publish_once(paths.bundle, content)
        _remove(paths.encrypted_bundle)
        delete_leftovers(paths.bundle)
    return paths.bundle


def _either(paths: StatePaths) -> Bundle:
    """Return the bundle. After an interrupted command there may be two equal files."""
    files = [file for file in (paths.bundle, paths.encrypted_bundle) if _is_there(file)]
    found = [_load(file, paths, SILENT) for file in files]
    if not found:
        raise CredentialsError(message=f"there is no bundle in {paths.folder}", hint=Command("launch"))
    if found[0] != found[-1]:
        raise _two_bundles(paths)
    return found[0]


def _refuse_link(file: Path) -> None:
    """Refuse a symbolic link: writing and deleting the file would only remove the link, not what it leads to."""
    if file.is_symlink():
        target = file.resolve()
        message = f"{file} is a symbolic link to {target}, which would stay as it is"
        hint = f"move the bundle into the link's place first: mv {target} {file}"
        raise CredentialsError(message=message, hint=hint)


def _check_opens(encrypted: bytes, lock: Lock, file: Path, another: str) -> None:
    """Check that this machine can decrypt it: otherwise the next command could not reach the cluster.

    ``another`` is the way out of an error besides an identity.
    """
    if lock.passphrase is not None:
        return
    try:
        at_rest.decrypt(encrypted, source=file)
    except CredentialsError as error:
        message = (
            "no identity of the recipient is on this machine, so it could not read the bundle; nothing was changed"
        )
        hint = f"put the identity's file on this machine and export {at_rest.IDENTITY_VARIABLE}=FILE, or {another}"
        raise CredentialsError(message=message, details=error.cause or error.message, hint=hint) from error


def _remove(file: Path) -> None:
    file.unlink(missing_ok=True)
    sync_folder(file.parent)


def _two_bundles(paths: StatePaths) -> CredentialsError:
    message = f"there are two bundles in {paths.folder}"
    hint = "keep the one that the cluster was launched with and move the other away"
    details = f"{paths.bundle.name} and {paths.encrypted_bundle.name}"
    again = Hint(Command("credentials encrypt"), " or ", Command("credentials decrypt"))
    return CredentialsError(
        message=message,
        details=details,
        hint=Hint(f"{hint}; if one was interrupted: ", again),
    )


def _load(file: Path, paths: StatePaths, reporter: Reporter) -> Bundle:
    content = _read(file, reporter)
    if file == paths.encrypted_bundle:
        content = at_rest.decrypt(content, source=file)
    elif at_rest.is_encrypted(content):
        message = f"{file} is encrypted, and its name is that of a bundle in plain text"
        raise CredentialsError(message=message, hint=f"mv {file} {paths.encrypted_bundle}")
    bundle = decode(content, source=file)
    _check_cluster(bundle, paths.folder.name, paths)
    return bundle


def _is_there(file: Path) -> bool:
    """Return whether ``file`` exists. An unreadable folder is an error: otherwise a second CA could be made."""
    try:
        file.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        message = f"{file} cannot be read"
        raise CredentialsError(message=message, details=error.strerror, hint=_UNREADABLE) from error
    return True


def _make_bundle(paths: StatePaths, cluster: str, *, now: datetime) -> Bundle:
    paths.ensure()
    with exclusive(paths.folder):
        found = find_bundle(paths)
        if found is not None:
            return found
        bundle = create_bundle(cluster, now=now)
        to = at_rest.recipient()
        if to is None:
            publish_once(paths.bundle, encode(bundle))
        else:
            lock = at_rest.Lock(recipients=(to,))
            encrypted = at_rest.encrypt(encode(bundle), lock)
            another = f"name one in {at_rest.RECIPIENT_VARIABLE} whose identity is here"
            _check_opens(encrypted, lock, paths.encrypted_bundle, another)
            publish_once(paths.encrypted_bundle, encrypted)
            delete_leftovers(paths.bundle)
        return bundle


def _read(file: Path, reporter: Reporter) -> bytes:
    try:
        if not is_private(file):
            reporter.warn(f"{file} can be read or written by other users; run: chmod 600 {file}")
        return file.read_bytes()
    except OSError as error:
        message = f"{file} cannot be read"
        raise CredentialsError(message=message, details=error.strerror, hint=_UNREADABLE) from error


def _check_cluster(bundle: Bundle, cluster: str, paths: StatePaths) -> None:
    if bundle.cluster != cluster:
        message = f"the bundle in {paths.folder} belongs to the cluster {bundle.cluster}, not {cluster}"
        hint = f"each cluster has its own folder: move this bundle back to the folder of {bundle.cluster}"
        raise CredentialsError(message=message, hint=hint)


def _operator(ca: Authority, names: tuple[str, ...], *, now: datetime) -> Leaf:
    return issue_leaf(ca, names=names, client=True, server=False, now=now, days=_STORED_OPERATOR_DAYS)


def _gossip_key() -> str:
    return b64encode(secrets.token_bytes(KEY_BYTES)).decode()
