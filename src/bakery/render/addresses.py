"""Templates for an agent's own VPC address, and a check of the addresses that it joins.

Every droplet has a second private address, the anchor, on eth0, so go-sockaddr's GetPrivateIP is wrong there.
The strings are go-sockaddr templates (https://pkg.go.dev/github.com/hashicorp/go-sockaddr/template). They are
built here, not in the Jinja templates, because Jinja uses ``{{`` too.
"""

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network

from bakery.errors import RenderError

NOT_PUBLIC = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
    "224.0.0.0/3",
)  # fmt: skip
_DNS_NAME = re.compile(r"^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$")


def vpc_address(cidr: IPv4Network) -> str:
    """Return the template that evaluates to the node's address in ``cidr``."""
    return _of_vpc(cidr, "address")


def vpc_interface(cidr: IPv4Network) -> str:
    """Return the template that evaluates to the name of the interface with an address in ``cidr``."""
    return _of_vpc(cidr, "name")


def public_networks() -> str:
    """Return the networks of public IPv4 addresses, separated by commas, for the ``cidr`` of a Nomad host network.

    They are all of IPv4 without loopback, link-local addresses, RFC 1918 (the VPC, the anchor, the bridges of
    containers) and RFC 6598 (private networks of VPN programs). A ``cidr`` is not a go-sockaddr template, and the
    interface alone does not distinguish the public address from the anchor: both are on eth0 (hashicorp/nomad
    client/fingerprint/network.go, deriveAddressAliases).
    """
    public = [IPv4Network("0.0.0.0/0")]
    for private in map(IPv4Network, NOT_PUBLIC):
        public = [part for network in public for part in _without(network, private)]
    return ",".join(str(network) for network in sorted(public))


def _without(network: IPv4Network, excluded: IPv4Network) -> Iterable[IPv4Network]:
    return network.address_exclude(excluded) if excluded.subnet_of(network) else (network,)


def _of_vpc(cidr: IPv4Network, attribute: str) -> str:
    return f'{{{{ GetAllInterfaces | include "network" "{cidr}" | attr "{attribute}" }}}}'


def checked_join(addresses: Iterable[str]) -> list[str]:
    """Return ``addresses`` as a list after checking that each is an IPv4 address or a DNS name.

    Other text is refused: a ``provider=…`` string would put an API token into user-data and the agents' logs.

    Raises:
        RenderError: an address is neither; the error names the first.
    """
    checked = list(addresses)
    for address in checked:
        if not _is_address(address):
            message = f"{_shown(address)} is not an address to join"
            hint = "give private IPv4 addresses or DNS names of servers, without a port: --join 10.100.0.2"
            raise RenderError(message=message, hint=hint)
    return checked


@lru_cache(maxsize=256)  # all nodes of a cluster join the same few servers
def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return _DNS_NAME.match(text.lower()) is not None and not text.replace(".", "").isdigit()
    return True


def _shown(text: str) -> str:
    """Return ``text`` quoted and cut to 16 characters: it may contain a token."""
    return repr(text if len(text) <= 16 else text[:13] + "...")
