"""The operator's API token and public address."""

from collections.abc import Mapping
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path
from urllib.parse import urlsplit

import requests

from bakery.cloud.endpoint import split_url
from bakery.errors import CredentialsError, UsageError
from bakery.hidden import host_of, quoted_url
from bakery.loopback import is_loopback

TOKEN_VARIABLES = ("DIGITALOCEAN_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN")
"""Environment variables. Packer and Terraform use the first, doctl and python-digitalocean the second."""

ADDRESS_SECONDS = (5.0, 10.0)
LONGEST_ADDRESS = 64


def read_token(env: Mapping[str, str], file: Path | None) -> str:
    """Return the API token: from ``file`` if given, else from the first of ``TOKEN_VARIABLES`` that is set.

    Raises:
        CredentialsError: there is no token, or the value cannot be one. The message never quotes it.
    """
    token, source = _from_file(file) if file is not None else _from_environment(env)
    if not token:
        message = f"no DigitalOcean token in {source}"
        raise CredentialsError(
            message=message, hint=f"export {TOKEN_VARIABLES[0]}, or name a file that holds the token"
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        message = f"{source} does not hold a valid token"
        raise CredentialsError(
            message=message, details="it has spaces, line breaks or other characters that no token has"
        )
    return token


def _from_environment(env: Mapping[str, str]) -> tuple[str, str]:
    found = ((env[name].strip(), name) for name in TOKEN_VARIABLES if env.get(name, "").strip())
    return next(found, ("", " or ".join(TOKEN_VARIABLES)))


def _from_file(file: Path) -> tuple[str, str]:
    try:
        return file.read_text(encoding="utf-8").strip(), str(file)
    except (OSError, UnicodeDecodeError) as error:
        message = f"cannot read the token file {file}"
        details = error.strerror if isinstance(error, OSError) else "the file is not text"
        raise CredentialsError(message=message, details=details) from None


def operator_address(url: str) -> str:
    """Return this machine's public IPv4 address as ``a.b.c.d/32``, as the service at ``url`` sees it.

    Raises:
        UsageError: there is no answer, or it is not an address. There is no fallback to a wider network.
    """
    hint = "give the address yourself: --admin-cidr ADDRESS/32"
    shown = quoted_url(url)
    try:
        parts = split_url(url)
    except ValueError as error:
        message = f"{shown} cannot be used to look up your address"
        raise UsageError(message=message, details=str(error), hint=hint) from None
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        message = f"{shown} cannot be used to look up your address"
        raise UsageError(
            message=message,
            details="over plain http anyone on the way could have the firewall opened to their address",
            hint=hint,
        )
    text = _ask(url, hint)
    try:
        address = IPv4Address(text)
    except AddressValueError:
        message = f"{host_of(url)} did not answer with an IPv4 address"
        raise UsageError(message=message, hint=hint) from None
    if address.is_unspecified or address.is_multicast or int(address) == 2**32 - 1:
        message = f"{host_of(url)} answered {address}, which cannot be your address"
        raise UsageError(message=message, hint=hint)
    return f"{address}/32"


def _ask(url: str, hint: str) -> str:
    problem = ""
    with requests.Session() as session:
        session.trust_env = not is_loopback(urlsplit(url).hostname or "")
        session.auth = lambda request: request  # requests would send ~/.netrc's password otherwise
        try:
            with session.get(url, timeout=ADDRESS_SECONDS, allow_redirects=False, stream=True) as reply:
                if reply.status_code == 200:
                    return next(reply.iter_content(LONGEST_ADDRESS), b"").decode("ascii", "replace").strip()
                problem = f"HTTP {reply.status_code}"
        except (requests.RequestException, ValueError) as error:  # ValueError: a malformed proxy host
            problem = type(error).__name__
    message = f"cannot look up your address at {host_of(url)}"
    raise UsageError(message=message, details=problem, hint=hint)
