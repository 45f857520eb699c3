"""Issue the credentials of one node: its leaf certificates, gossip keys and pre-made tokens."""

import json
from dataclasses import asdict
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
from bakery.credentials.tokens import consul_agent_token, consul_dns_token, consul_nomad_token
from bakery.errors import CredentialsError
from bakery.files import write_secret

FORMAT = 1
RENEWAL_SHARE = 0.2
"""Share of its life that a stored leaf certificate must have left: a node made from it soon would expire soon."""


def issue_for_node(
    bundle: Bundle, *, name: str, kind: Kind, now: datetime, leaf_days: int = LEAF_DAYS
) -> NodeCredentials:
    """Return the credentials of the node ``name``, with new leaf certificates on each call.

    The certificates last ``leaf_days`` days, at most until their CA ends.

    Raises:
        CredentialsError: a CA is not valid at ``now``.
    """
    return _credentials(bundle, name, kind, _issue(bundle, kind, now=now, days=leaf_days))


def role_credentials(
    bundle: Bundle, paths: StatePaths, *, role: str, kind: Kind, now: datetime, leaf_days: int = LEAF_DAYS
) -> NodeCredentials:
    """Return the credentials that all hand-made nodes of ``role`` share; the same ones on each call.

    The leaf certificates are stored in ``paths.roles``. They are issued again if the generation, a CA, the role's
    kind or ``leaf_days`` has changed, or if a certificate has less than a fifth of its life left.

    Raises:
        CredentialsError: a CA is not valid at ``now``.
        LockedError: another process holds the credentials for too long.
    """
    paths.ensure()
    file = paths.roles / f"{role}.json"
    with exclusive(paths.folder):
        inputs = _inputs(bundle, kind, leaf_days)
        leaves = _stored(file, inputs, kind, now=now)
        if leaves is None:
            leaves = _issue(bundle, kind, now=now, days=leaf_days)
            write_secret(file, _encode(inputs, leaves))
    return _credentials(bundle, role, kind, leaves)


def rendered_roles(paths: StatePaths) -> frozenset[str]:
    """Return the roles for which :func:`role_credentials` was ever called: they may have hand-made nodes.

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


_Leaves = tuple[Leaf, Leaf | None]
"""A node's leaf certificates: for Consul, and for Nomad if the node runs it."""


def _issue(bundle: Bundle, kind: Kind, *, now: datetime, days: int) -> _Leaves:
    # Every agent is both TLS client and TLS server; `consul tls cert create` and `nomad tls cert create` agree.
    def issue(ca: Authority, names: tuple[str, ...]) -> Leaf:
        return issue_leaf(ca, names=names, client=True, server=True, now=now, days=days)

    consul = issue(bundle.consul_ca, consul_names(bundle.cluster, kind))
    return consul, issue(bundle.nomad_ca, nomad_names(kind)) if kind.runs_nomad else None


def _credentials(bundle: Bundle, subject: str, kind: Kind, leaves: _Leaves) -> NodeCredentials:
    consul, nomad = leaves
    return NodeCredentials(
        subject=subject,
        kind=kind,
        generation=bundle.generation,
        consul_ca=bundle.consul_ca.certificate,
        nomad_ca=bundle.nomad_ca.certificate,
        consul=consul,
        nomad=nomad,
        consul_gossip_key=bundle.consul_gossip_key,
        nomad_gossip_key=bundle.nomad_gossip_key if kind.is_nomad_server else None,
        consul_agent_token=consul_agent_token(bundle, subject),
        consul_dns_token=consul_dns_token(bundle),
        consul_nomad_token=consul_nomad_token(bundle, subject) if kind.runs_nomad else None,
    )


def _inputs(bundle: Bundle, kind: Kind, leaf_days: int) -> dict[str, Any]:
    """Return what stored leaf certificates must match: if it differs, they are issued again."""
    return {
        "format": FORMAT,
        "ca": ca_fingerprint(bundle),
        "generation": bundle.generation,
        "kind": kind.value,
        "leaf_days": leaf_days,
    }


def _encode(inputs: dict[str, Any], leaves: _Leaves) -> bytes:
    consul, nomad = leaves
    document = inputs | {"consul": asdict(consul), "nomad": asdict(nomad) if nomad else None}
    return (json.dumps(document, indent=2) + "\n").encode()


def _stored(file: Path, inputs: dict[str, Any], kind: Kind, *, now: datetime) -> _Leaves | None:
    """Return the leaf certificates in ``file`` if they are still usable; None also if the file is damaged."""
    try:
        document = json.loads(file.read_bytes())
        if inputs != {key: document[key] for key in inputs}:
            return None
        consul = Leaf(**document["consul"])
        nomad = Leaf(**document["nomad"]) if kind.runs_nomad else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    usable = all(_usable(leaf, now) for leaf in (consul, nomad) if leaf is not None)
    return (consul, nomad) if usable else None


def _usable(leaf: Leaf, now: datetime) -> bool:
    if not is_pair(leaf.certificate, leaf.key):
        return False
    certificate = parse_certificate(leaf.certificate)
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    return is_valid_at(certificate, now) and certificate.not_valid_after_utc - now >= life * RENEWAL_SHARE
