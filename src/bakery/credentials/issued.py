"""Files of the credentials that are issued to another person or to a pipeline: client certificates and tokens."""

import json
import math
import shutil
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from bakery.config.paths import IssuedFiles, StatePaths
from bakery.credentials.authority import issue_leaf
from bakery.credentials.inspect import first_to_end
from bakery.credentials.model import Bundle
from bakery.credentials.names import consul_person_names, nomad_person_names
from bakery.errors import CredentialsError
from bakery.files import PRIVATE_FOLDER, write_secret

_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Issued:
    """What was issued under a name. It contains no secret."""

    name: str
    role: str
    namespace: str
    expires: datetime
    """When the tokens expire, UTC."""
    certificate_ends: datetime
    """UTC. A certificate cannot be revoked; without a token it reads what every certificate does."""


def longest_ttl(bundle: Bundle, *, now: datetime, leaf_days: int) -> timedelta:
    """Return how long a certificate that is issued now can be valid."""
    return min(timedelta(days=leaf_days), first_to_end(bundle) - now)


def create_issued(bundle: Bundle, paths: StatePaths, issued: Issued, *, now: datetime) -> IssuedFiles:
    """Create the folder of ``issued`` with its record and client certificates, which end at ``certificate_ends``.

    Raises:
        FileExistsError: the folder exists.
    """
    files = paths.issued_to(issued.name)
    paths.ensure()
    paths.issued.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    files.folder.mkdir(mode=PRIVATE_FOLDER)
    write_record(paths, issued)
    days = math.ceil((issued.certificate_ends - now) / _DAY)
    for ca, names, (ca_file, certificate, key) in (
        (
            bundle.consul_ca,
            consul_person_names(bundle.cluster, issued.name),
            (files.consul_ca, files.consul_cert, files.consul_key),
        ),
        (bundle.nomad_ca, nomad_person_names(issued.name), (files.nomad_ca, files.nomad_cert, files.nomad_key)),
    ):
        leaf = issue_leaf(ca, names=names, client=True, server=False, now=now, days=days)
        for file, content in ((ca_file, ca.certificate), (certificate, leaf.certificate), (key, leaf.key)):
            write_secret(file, content.encode())
    return files


def write_record(paths: StatePaths, issued: Issued) -> None:
    """Write, or replace, the record of what was issued."""
    write_secret(paths.issued_to(issued.name).record, _encode(issued))


def certificate_end(bundle: Bundle, expires: datetime, *, now: datetime) -> datetime:
    """Return the end of a certificate for tokens that expire at ``expires``: whole days, never after its CA."""
    return min(now + math.ceil((expires - now) / _DAY) * _DAY, first_to_end(bundle))


def find_issued(paths: StatePaths, name: str) -> Issued | None:
    """Return what was issued under ``name`` on this machine; None if nothing was.

    Raises:
        CredentialsError: the record is damaged or cannot be read.
    """
    file = paths.issued_to(name).record
    try:
        return _decode(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"{file} cannot be read"
        details = error.strerror if isinstance(error, OSError) else "it is not a record of issued credentials"
        raise CredentialsError(
            message=message, details=details, hint="revoke the name, and issue it again"
        ) from None


def list_issued(paths: StatePaths) -> tuple[Issued, ...]:
    """Return what was issued on this machine, by name."""
    if not paths.issued.is_dir():
        return ()
    names = sorted(folder.name for folder in paths.issued.iterdir() if folder.is_dir())
    return tuple(found for name in names if (found := find_issued(paths, name)) is not None)


def remove_issued(paths: StatePaths, name: str) -> bool:
    """Delete the files that were issued under ``name`` on this machine; return whether there were any."""
    folder = paths.issued_to(name).folder
    if not folder.exists():
        return False
    shutil.rmtree(folder)
    return True


def _encode(issued: Issued) -> bytes:
    dates = {"expires": issued.expires.isoformat(), "certificate_ends": issued.certificate_ends.isoformat()}
    return (json.dumps(asdict(issued) | dates, indent=2) + "\n").encode()


def _decode(content: bytes) -> Issued:
    document = json.loads(content)
    return Issued(
        name=document["name"],
        role=document["role"],
        namespace=document["namespace"],
        expires=datetime.fromisoformat(document["expires"]),
        certificate_ends=datetime.fromisoformat(document["certificate_ends"]),
    )
