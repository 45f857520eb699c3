"""The bundle as a versioned JSON document, checked on the way in."""

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
"""Grows with every change that an older bakery cannot read."""
KEY_BYTES = 32
"""Of both gossip keys and of the token seed."""
_BUNDLE = TypeAdapter(Bundle)
_NO_JSON = "it is not a JSON document"


def encode(bundle: Bundle) -> bytes:
    """The document for ``bundle``: its fields by name and in order; the same bundle gives the same bytes."""
    return (json.dumps({"format": FORMAT, **asdict(bundle)}, indent=2) + "\n").encode()


def decode(content: bytes, *, source: Path) -> Bundle:
    """The bundle in ``content``, every key and certificate parsed once; ``source`` names the file in errors.

    Raises:
        CredentialsError: not a bundle, a damaged one, or one of a newer format. Nothing of it is in the error.
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
    """Whether both parse as PEM and belong together; False also for what is no text."""
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
    """The bundle in a JSON document, or what is wrong with it: the name of a field, never its value.

    Returned, not raised: pydantic's error holds the document, and the context of an error would keep it.
    """
    try:
        bundle = _BUNDLE.validate_json(content, strict=True)
    except ValidationError as error:
        place = error.errors(include_url=False, include_context=False, include_input=False)[0]["loc"]
        return f"{'.'.join(map(str, place))} is missing or wrong" if place else _NO_JSON
    return next(_damages(bundle), bundle)


def _damages(bundle: Bundle) -> Iterator[str]:
    """What is wrong with texts and numbers that have the right type."""
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
