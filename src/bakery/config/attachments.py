"""Files that the cluster file names and that become part of the user-data: cloud-init parts, certificates."""

import shlex
from pathlib import Path

from bakery.config.model import UserDataPart

MAX_BYTES = 64 * 1024
"""DigitalOcean's limit of the whole user-data."""
PART_TYPES = {"#cloud-config": "text/cloud-config", "#cloud-boothook": "text/cloud-boothook"}
"""MIME type by the first line (https://docs.cloud-init.io/en/latest/explanation/format.html)."""
SCRIPT, SCRIPT_TYPE = "#!", "text/x-shellscript"


def read_part(folder: Path, name: str) -> UserDataPart | tuple[str, str]:
    """Return a cloud-init part; else what is wrong, to follow the field's name, and a hint."""
    text = _read(folder, name)
    if isinstance(text, tuple):
        return text
    first = text.partition("\n")[0].rstrip()
    mime_type = SCRIPT_TYPE if first.startswith(SCRIPT) else PART_TYPES.get(first)
    if mime_type is None:
        hint = f"its first line must be {', '.join(PART_TYPES)}, or {SCRIPT} and a program"
        return f": {name} is not a part that cloud-init runs", hint
    return UserDataPart(name=Path(name).name, mime_type=mime_type, text=text)


def read_ca(folder: Path, name: str) -> str | tuple[str, str]:
    """Return the certificates in a PEM file; else what is wrong, to follow the field's name, and a hint."""
    text = _read(folder, name)
    if isinstance(text, tuple):
        return text
    if "PRIVATE KEY" in text:
        return f": {name} contains a private key", "name a file with certificates only"
    if "-----BEGIN CERTIFICATE-----" not in text:
        return f": {name} contains no certificate", "a PEM file: -----BEGIN CERTIFICATE-----"
    return text


def read_pem(folder: Path, name: str, kind: str) -> str | tuple[str, str]:
    """Return the text of a PEM file that contains a ``kind``: CERTIFICATE or PRIVATE KEY.

    If it does not, return what is wrong, to follow the field's name, and a hint.
    """
    text = _read(folder, name)
    if isinstance(text, tuple):
        return text
    if f"{kind}-----" not in text:
        return f": {name} contains no {kind.lower()}", _pem_hint(text, kind)
    if kind == "CERTIFICATE" and "PRIVATE KEY" in text:
        return f": {name} contains a private key", "the key has a file of its own"
    if "ENCRYPTED" in text:
        return f": {name} has a passphrase", f"openssl pkey -in {shlex.quote(name)} writes it without one"
    return text


def _pem_hint(text: str, kind: str) -> str:
    """Return a hint for a file without a ``kind``: it may be the other file of a pair."""
    other = next((each for each in ("CERTIFICATE", "PRIVATE KEY") if f"{each}-----" in text), None)
    if other is None:
        return f"a PEM file: -----BEGIN {kind}-----"
    return f"it contains a {other.lower()}: cert and key may be interchanged"


def _read(folder: Path, name: str) -> str | tuple[str, str]:
    path = folder / name
    relative = "the path is relative to the folder of the cluster file"
    try:
        if not path.is_file():
            return f": there is no file {name}", relative
        content = path.read_bytes()
        if len(content) > MAX_BYTES:
            return f": {name} has more than {MAX_BYTES // 1024} KiB", "let the part download what it needs"
        return content.decode("utf-8")
    except OSError as error:
        return f": {name} cannot be read ({error.strerror})", relative
    except ValueError:  # a NUL in the path, or not UTF-8
        return f": {name} is not text in UTF-8", relative
