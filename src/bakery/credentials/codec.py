"""Encode the bundle as a versioned JSON document, and decode it with checks."""

import json
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from bakery.credentials.authority import parse_certificate, parse_key
from bakery.credentials.model import Bundle
from bakery.errors import CredentialsError

FORMAT = 1
"""Version of the format, increased by every change that an older bakery cannot read."""
KEY_BYTES = 32
"""Length of the gossip keys and of the token seed."""
_BUNDLE = TypeAdapter(Bundle)
_NO_JSON = "it is not a JSON document"


def encode(bundle: Bundle) -> bytes:
    """Return the document for ``bundle``, with its fields in order. Equal bundles give equal bytes."""
    return (json.dumps({"format": FORMAT, **asdict(bundle)}, indent=2) + "\n").encode()


def decode(content: bytes, *, source: Path) -> Bundle:
    """Return the bundle in ``content`` after checking its keys and certificates. ``source`` is for errors.

    Raises:
        CredentialsError: ``content`` is not a bundle, is damaged or has a newer format. The error quotes none of
        it.
    """
    document = _document(content)
    number = None if document is None else document.get("format")
    if type(number) is int and number > FORMAT:
        message = f"{source} was written by a newer bakery (format {number}, this one reads {FORMAT})"
        raise CredentialsError(message=message, hint="upgrade bakery")
    if document is None:
        found: Bundle | str = _NO_JSON
    else:
        found = _bundle(content) if number == FORMAT else "its format number is wrong"
    if isinstance(found, Bundle):
        return found
    message = f"{source} is damaged"
    hint = "restore it from a backup; without it the cluster's nodes cannot be reached"
    raise CredentialsError(message=message, details=found, hint=hint)


def is_pair(certificate: str, key: str) -> bool:
    """Return whether both are PEM and belong together; False also if one is not a string."""
    try:
        return parse_certificate(certificate).public_key() == parse_key(key).public_key()
    except (ValueError, TypeError, AttributeError):
        return False


def _document(content: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _bundle(content: bytes) -> Bundle | str:
    """Return the bundle in a JSON document, or what is wrong: the name of a field, never its value.

    The problem is returned, not raised, because pydantic's error contains the document, and the context of a
    raised error would keep it.
    """
    try:
        bundle = _BUNDLE.validate_json(content, strict=True)
    except ValidationError as error:
        place = error.errors(include_url=False, include_context=False, include_input=False)[0]["loc"]
        return f"{'.'.join(map(str, place))} is missing or wrong" if place else _NO_JSON
    return next(_damages(bundle), bundle)


def _damages(bundle: Bundle) -> Iterator[str]:
    """Yield what is wrong with texts and numbers that have the right type."""
    parts = asdict(bundle)
    usable = {
        "cluster": bundle.cluster != "" and bundle.cluster.isprintable(),
        "generation": bundle.generation > 0,
        "consul_gossip_key": _is_gossip_key(bundle.consul_gossip_key),
        "nomad_gossip_key": _is_gossip_key(bundle.nomad_gossip_key),
        "token_seed": _is_seed(bundle.token_seed),
    }
    for name in ("consul_management", "nomad_management"):
        usable |= {f"{name}.{part}": _is_uuid(text) for part, text in parts[name].items()}
    yield from (f"{name} is missing or wrong" for name, good in usable.items() if not good)
    for name in ("consul_ca", "nomad_ca", "consul_operator", "nomad_operator"):
        if not is_pair(**parts[name]):
            yield f"{name} is not a certificate with its key"


def _is_gossip_key(value: str) -> bool:
    try:
        return len(b64decode(value, validate=True)) == KEY_BYTES
    except ValueError:
        return False


def _is_seed(value: str) -> bool:
    try:
        return len(bytes.fromhex(value)) == KEY_BYTES
    except ValueError:
        return False


def _is_uuid(value: str) -> bool:
    try:
        return str(UUID(value)) == value
    except ValueError:
        return False
