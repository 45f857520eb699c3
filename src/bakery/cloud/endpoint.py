"""Check the API's base URL before a token is sent to it."""

from urllib.parse import SplitResult, urlsplit

from bakery.errors import UsageError
from bakery.hidden import quoted_url
from bakery.loopback import is_loopback

DEFAULT_ENDPOINT = "https://api.digitalocean.com"


def checked_endpoint(url: str) -> str:
    """Return ``url`` without ``/v2`` and trailing slash.

    Raises:
        UsageError: it is not an http(s) URL, or plain http to another machine (the token would not be encrypted).
    """
    message = f"{quoted_url(url)} is not an API endpoint"
    try:
        parts = split_url(url)
    except ValueError as error:
        raise UsageError(message=message, details=str(error), hint=f"for example {DEFAULT_ENDPOINT}") from None
    host = parts.hostname
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError(
            message=message,
            details="it must start with https:// and name a host",
            hint=f"for example {DEFAULT_ENDPOINT}",
        )
    if parts.username is not None or parts.query or parts.fragment:
        message = f"the API endpoint on {host} has more than a host and a path"
        raise UsageError(message=message, hint=f"for example {DEFAULT_ENDPOINT}")
    if parts.scheme == "http" and not is_loopback(host):
        message = f"{quoted_url(url)} would send the token unencrypted"
        raise UsageError(
            message=message, details="plain http is for an emulator on this machine only", hint="use https://"
        )
    return url.rstrip("/").removesuffix("/v2")


def split_url(url: str) -> SplitResult:
    """Return the parts of ``url``. Raise ValueError if its port is not a number, or its host is malformed.

    The error does not quote the URL.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
        (parts.hostname or "").encode("idna")  # urllib3 does the same, but requests does not catch its error
    except ValueError:
        message = "its host is malformed, or its port is not a number"
        raise ValueError(message) from None
    return parts
