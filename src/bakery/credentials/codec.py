"""The bundle as a versioned JSON document, checked on the way in."""

import json
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from bakery.credentials.authority import parse_certificate, parse_key
from bakery.credentials.model import Authority, Bundle, Leaf, Token
from bakery.errors import CredentialsError

FORMAT = 1
"""Grows with every change that an older bakery cannot read."""
KEY_BYTES = 32
"""Of both gossip keys and of the token seed."""


def encode(bundle: Bundle) -> bytes:
    """The document for ``bundle``; the same bundle gives the same bytes."""
    document = {
        "format": FORMAT,
        "cluster": bundle.cluster,
        "generation": bundle.generation,
        "consul_ca": encode_pair(bundle.consul_ca),
        "nomad_ca": encode_pair(bundle.nomad_ca),
        "consul_gossip_key": bundle.consul_gossip_key,
        "nomad_gossip_key": bundle.nomad_gossip_key,
        "token_seed": bundle.token_seed,
        "consul_operator": encode_pair(bundle.consul_operator),
        "nomad_operator": encode_pair(bundle.nomad_operator),
        "consul_management": _encode_token(bundle.consul_management),
        "nomad_management": _encode_token(bundle.nomad_management),
    }
    return (json.dumps(document, indent=2) + "\n").encode()


def decode(content: bytes, *, source: Path) -> Bundle:
    """The bundle in ``content``, every key and certificate parsed once; ``source`` names the file in errors.

    Raises:
        CredentialsError: not a bundle, a damaged one, or one of a newer format. Nothing of it is in the error.
    """
    document = _document(content)
    if document is not None and _is_newer(document.get("format")):
        message = f"{source} was written by a newer bakery (format {document['format']}, this one reads {FORMAT})"
        raise CredentialsError(message=message, hint="upgrade bakery")
    damage = "it is not a JSON document" if document is None else None
    if document is not None:
        try:
            return _bundle(document)
        except _DamagedError as error:
            damage = str(error)
    # Not in the except block: the context of an error keeps frames, and those hold the document.
    message = f"{source} is damaged"
    hint = "restore it from a backup; without it the cluster's nodes cannot be reached"
    raise CredentialsError(message=message, details=damage, hint=hint)


def encode_pair(pair: Authority | Leaf) -> dict[str, str]:
    """A certificate and its key as JSON data."""
    return {"certificate": pair.certificate, "key": pair.key}


class _DamagedError(Exception):
    """A field is missing or wrong; the message names the field and never its value."""


def _document(content: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _is_newer(number: object) -> bool:
    return type(number) is int and number > FORMAT


def _bundle(document: dict[str, Any]) -> Bundle:
    if document.get("format") != FORMAT:
        message = "its format number is wrong"
        raise _DamagedError(message)
    return Bundle(
        cluster=_text(document, "cluster", str.isprintable),
        generation=_generation(document),
        consul_ca=Authority(**_pair(document, "consul_ca")),
        nomad_ca=Authority(**_pair(document, "nomad_ca")),
        consul_gossip_key=_text(document, "consul_gossip_key", _is_gossip_key),
        nomad_gossip_key=_text(document, "nomad_gossip_key", _is_gossip_key),
        token_seed=_text(document, "token_seed", _is_seed),
        consul_operator=Leaf(**_pair(document, "consul_operator")),
        nomad_operator=Leaf(**_pair(document, "nomad_operator")),
        consul_management=_token(document, "consul_management"),
        nomad_management=_token(document, "nomad_management"),
    )


def _encode_token(token: Token) -> dict[str, str]:
    return {"accessor": token.accessor, "secret": token.secret}


def _generation(document: dict[str, Any]) -> int:
    generation = document.get("generation")
    if type(generation) is int and generation > 0:
        return generation
    message = "generation is missing or wrong"
    raise _DamagedError(message)


def _pair(document: dict[str, Any], name: str) -> dict[str, str]:
    fields = _object(document, name)
    pair = {part: _text(fields, part, bool, of=name) for part in ("certificate", "key")}
    if not is_pair(pair["certificate"], pair["key"]):
        message = f"{name} is not a certificate with its key"
        raise _DamagedError(message)
    return pair


def _token(document: dict[str, Any], name: str) -> Token:
    fields = _object(document, name)
    return Token(
        accessor=_text(fields, "accessor", _is_uuid, of=name), secret=_text(fields, "secret", _is_uuid, of=name)
    )


def _object(document: dict[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name)
    if isinstance(value, dict):
        return value
    message = f"{name} is missing or wrong"
    raise _DamagedError(message)


def _text(fields: dict[str, Any], name: str, is_good: Callable[[str], bool], *, of: str | None = None) -> str:
    value = fields.get(name)
    if isinstance(value, str) and value and is_good(value):
        return value
    message = f"{of}.{name} is missing or wrong" if of else f"{name} is missing or wrong"
    raise _DamagedError(message)


def is_pair(certificate: str, key: str) -> bool:
    """Whether both parse as PEM and belong together; False also for what is no text."""
    try:
        return parse_certificate(certificate).public_key() == parse_key(key).public_key()
    except (ValueError, TypeError, AttributeError):
        return False


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
