"""Store the bundle of a cluster: created once, read whole or not at all, never overwritten."""

import secrets
from base64 import b64encode
from datetime import datetime
from pathlib import Path

from bakery.config.paths import StatePaths
from bakery.console import SILENT, Reporter
from bakery.credentials import at_rest
from bakery.credentials.authority import create_authority, issue_leaf
from bakery.credentials.codec import KEY_BYTES, decode, encode
from bakery.credentials.model import Authority, Bundle, Leaf
from bakery.credentials.names import consul_operator_names, nomad_operator_names
from bakery.credentials.publish import exclusive, publish_once
from bakery.credentials.tokens import random_token
from bakery.errors import CredentialsError
from bakery.files import is_private

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
        CredentialsError: the bundle is damaged, of another cluster or a newer format, or cannot be decrypted.
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
    files = [file for file in (paths.bundle, _encrypted(paths)) if _is_there(file)]
    if not files:
        return None
    if len(files) > 1:
        message = f"there are two bundles in {paths.folder}"
        hint = "keep the one that the cluster was launched with and move the other away"
        raise CredentialsError(message=message, details=" and ".join(file.name for file in files), hint=hint)
    content = _read(files[0], reporter)
    if files[0] == _encrypted(paths):
        content = at_rest.decrypt(content, source=files[0])
    elif at_rest.recipient() is not None:
        reporter.warn(f"{files[0]} is not encrypted: {at_rest.RECIPIENT_VARIABLE} applies to new bundles only")
    bundle = decode(content, source=files[0])
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
            publish_once(_encrypted(paths), at_rest.encrypt(encode(bundle), to))
        return bundle


def _encrypted(paths: StatePaths) -> Path:
    return paths.bundle.with_name(f"{paths.bundle.name}.age")


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
        hint = "each cluster has its own folder: move this bundle back to the folder of {bundle.cluster}"
        raise CredentialsError(message=message, hint=hint)


def _operator(ca: Authority, names: tuple[str, ...], *, now: datetime) -> Leaf:
    return issue_leaf(ca, names=names, client=True, server=False, now=now, days=_STORED_OPERATOR_DAYS)


def _gossip_key() -> str:
    return b64encode(secrets.token_bytes(KEY_BYTES)).decode()
