"""Issue the credentials of one node: its leaf certificates, gossip keys and pre-made tokens."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bakery.config.defaults import LEAF_DAYS
from bakery.config.model import Kind
from bakery.config.paths import StatePaths
from bakery.credentials.authority import ca_fingerprint, is_valid_at, issue_leaf, parse_certificate
from bakery.credentials.codec import is_pair
from bakery.credentials.model import Authority, Bundle, Leaf, NodeCredentials
from bakery.credentials.names import consul_names, nomad_names
from bakery.credentials.publish import exclusive
from bakery.credentials.tokens import (
    consul_agent_token,
    consul_ingress_token,
    consul_nomad_token,
    introduction_token,
)
from bakery.errors import CredentialsError
from bakery.files import write_secret

FORMAT = 1
RENEWAL_SHARE = 0.2
"""Share of its life that a stored leaf certificate must have left: a node made from it soon would expire soon."""


@dataclass(frozen=True, kw_only=True)
class _Leaves:
    """A node's leaf certificates."""

    consul: Leaf
    nomad: Leaf | None
    """None if the node does not run Nomad."""
    grpc: str | None
    """The certificate for sidecars; None without the service mesh, and except on Nomad clients."""


def issue_for_node(
    bundle: Bundle, *, name: str, kind: Kind, now: datetime, leaf_days: int = LEAF_DAYS, mesh: bool = False
) -> NodeCredentials:
    """Return the credentials of the node ``name``, with new leaf certificates on each call.

    The certificates last ``leaf_days`` days, at most until their CA ends. With ``mesh`` there is one more for the
    sidecars of the service mesh.

    Raises:
        CredentialsError: a CA is not valid at ``now``.
    """
    return _credentials(bundle, name, kind, _issue(bundle, kind, now=now, days=leaf_days, mesh=mesh))


@contextmanager
def role_credentials(
    bundle: Bundle,
    paths: StatePaths,
    *,
    role: str,
    kind: Kind,
    now: datetime,
    leaf_days: int = LEAF_DAYS,
    mesh: bool = False,
) -> Iterator[NodeCredentials]:
    """Yield the credentials that all hand-made nodes of ``role`` share; the same ones on each call.

    The leaf certificates are stored in ``paths.roles`` once the block ends without an error: only then the role
    counts as rendered. They are issued again if the generation, a CA, the role's kind or ``leaf_days`` has
    changed, if the cluster has got the service mesh, or if a certificate has less than a fifth of its life left.

    Raises:
        CredentialsError: a CA is not valid at ``now``.
        LockedError: another process holds the credentials for too long.
    """
    paths.ensure()
    file = paths.roles / f"{role}.json"
    with exclusive(paths.folder):
        inputs = _inputs(bundle, kind, leaf_days, mesh=mesh)
        stored = _stored(file, inputs, kind, now=now)
        leaves = stored or _issue(bundle, kind, now=now, days=leaf_days, mesh=mesh)
        yield _credentials(bundle, role, kind, leaves)
        if stored is None:
            write_secret(file, _encode(inputs, leaves))


def is_stale(
    bundle: Bundle,
    paths: StatePaths,
    *,
    role: str,
    kind: Kind,
    now: datetime,
    leaf_days: int = LEAF_DAYS,
    mesh: bool = False,
) -> bool:
    """Return whether ``role`` was rendered with certificates that :func:`role_credentials` would issue again."""
    file = paths.roles / f"{role}.json"
    return file.exists() and _stored(file, _inputs(bundle, kind, leaf_days, mesh=mesh), kind, now=now) is None


def forget_rendered(paths: StatePaths, node: str) -> None:
    """Let the node not count as rendered any more: no tokens are made for it again."""
    (paths.roles / f"{node}.json").unlink(missing_ok=True)


def rendered_roles(paths: StatePaths) -> frozenset[str]:
    """Return the roles that were ever rendered with :func:`role_credentials`: they may have hand-made nodes.

    This includes the names of planned nodes that were rendered one by one.

    Raises:
        CredentialsError: the folder cannot be read.
    """
    try:
        return frozenset(file.stem for file in paths.roles.iterdir() if file.suffix == ".json")
    except FileNotFoundError:
        return frozenset()
    except OSError as error:
        message = f"{paths.roles} cannot be read"
        hint = "run bakery as the user who rendered the roles"
        raise CredentialsError(message=message, details=error.strerror, hint=hint) from error


def _issue(bundle: Bundle, kind: Kind, *, now: datetime, days: int, mesh: bool) -> _Leaves:
    # Every agent is both TLS client and TLS server; `consul tls cert create` and `nomad tls cert create` agree.
    def issue(ca: Authority, names: tuple[str, ...]) -> Leaf:
        return issue_leaf(ca, names=names, client=True, server=True, now=now, days=days)

    consul = issue(bundle.consul_ca, consul_names(bundle.cluster, kind))
    nomad = issue(bundle.nomad_ca, nomad_names(kind)) if kind.runs_nomad else None
    serves_sidecars = mesh and kind.is_nomad_client
    grpc = _grpc_certificate(bundle, kind, consul, now=now, days=days) if serves_sidecars else None
    return _Leaves(consul=consul, nomad=nomad, grpc=grpc)


def _grpc_certificate(bundle: Bundle, kind: Kind, consul: Leaf, *, now: datetime, days: int) -> str:
    """Return a certificate of the key in ``consul`` that Envoy accepts: it has no address.

    Envoy verifies with BoringSSL, which refuses every certificate with an address if its CA has a name constraint
    for addresses, as bakery's CAs have: it does not implement that kind (crypto/x509/v3_ncons, nc_match_single).
    Envoy verifies no name in the certificate.
    """
    names = consul_names(bundle.cluster, kind)
    leaf = issue_leaf(
        bundle.consul_ca,
        names=names,
        client=False,
        server=True,
        now=now,
        days=days,
        key_pem=consul.key,
        address=False,
    )
    return leaf.certificate


def _credentials(bundle: Bundle, subject: str, kind: Kind, leaves: _Leaves) -> NodeCredentials:
    return NodeCredentials(
        subject=subject,
        kind=kind,
        generation=bundle.generation,
        consul_ca=bundle.consul_ca.certificate,
        nomad_ca=bundle.nomad_ca.certificate,
        consul=leaves.consul,
        nomad=leaves.nomad,
        consul_grpc=leaves.grpc,
        consul_gossip_key=bundle.consul_gossip_key,
        nomad_gossip_key=bundle.nomad_gossip_key if kind.is_nomad_server else None,
        consul_agent_token=consul_agent_token(bundle, subject),
        consul_nomad_token=consul_nomad_token(bundle, subject) if kind.runs_nomad else None,
        consul_ingress_token=consul_ingress_token(bundle, subject) if kind.is_ingress else None,
        introduction_token=introduction_token(bundle, subject) if kind.is_separate_client else None,
    )


def _inputs(bundle: Bundle, kind: Kind, leaf_days: int, *, mesh: bool) -> dict[str, Any]:
    """Return what stored leaf certificates must match: if it differs, they are issued again."""
    # Only with the mesh: files of a bakery that had none stay good without it.
    return ({"mesh": True} if mesh else {}) | {
        "format": FORMAT,
        "ca": ca_fingerprint(bundle),
        "generation": bundle.generation,
        "kind": kind.value,
        "leaf_days": leaf_days,
    }


def _encode(inputs: dict[str, Any], leaves: _Leaves) -> bytes:
    document = inputs | asdict(leaves)
    return (json.dumps(document, indent=2) + "\n").encode()


def _stored(file: Path, inputs: dict[str, Any], kind: Kind, *, now: datetime) -> _Leaves | None:
    """Return the leaf certificates in ``file`` if they are still usable; None also if the file is damaged."""
    try:
        document = json.loads(file.read_bytes())
        if inputs != {key: document[key] for key in inputs}:
            return None
        consul = Leaf(**document["consul"])
        nomad = Leaf(**document["nomad"]) if kind.runs_nomad else None
        grpc = document["grpc"] if inputs.get("mesh") and kind.is_nomad_client else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    sidecars = None if grpc is None else Leaf(certificate=grpc, key=consul.key)
    usable = all(_usable(leaf, now) for leaf in (consul, nomad, sidecars) if leaf is not None)
    return _Leaves(consul=consul, nomad=nomad, grpc=grpc) if usable else None


def _usable(leaf: Leaf, now: datetime) -> bool:
    if not is_pair(leaf.certificate, leaf.key):
        return False
    certificate = parse_certificate(leaf.certificate)
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    return is_valid_at(certificate, now) and certificate.not_valid_after_utc - now >= life * RENEWAL_SHARE
