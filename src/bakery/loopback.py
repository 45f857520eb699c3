"""Which host names mean this machine: only there may a request go without TLS and around a proxy."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Return whether ``host`` is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
