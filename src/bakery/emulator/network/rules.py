"""The router's nftables rules as text: allowed connections between droplets, and allowed source addresses.

The table is in the router's own namespace; this machine's own rules do not change.
"""

import zlib
from collections.abc import Iterable, Sequence

from bakery.emulator.network.plan import METADATA, METADATA_PORT, RESOLVERS, NetworkPlan, VethPair

TABLE = "inet bakery"
BALANCERS = f"{TABLE} balancers"
"""The set of addresses and ports on which load balancers listen."""

_RULES = """\
table inet bakery {{
  set sources {{ type ifname . ipv4_addr; elements = {{ "host" . {host} }} }}
  set resolvers {{ type ipv4_addr; elements = {{ {resolvers} }} }}
  set balancers {{ type ipv4_addr . inet_service; }}
  map vpc_of {{ type ifname : mark; }}
  set members {{ type ifname . mark; }}

  chain forward {{
    type filter hook forward priority filter; policy drop;
    iifname "tap0" ct state established,related accept
    iifname "tap0" drop
    iifname . ip saddr != @sources counter drop comment "not the droplet's own address"
    ct state established,related accept
    meta mark set iifname map @vpc_of
    iifname "v*" oifname . meta mark @members accept
    iifname "v*" reject with icmp host-unreachable
    oifname "v*" reject with icmp host-unreachable
    ip daddr {resolver} oifname "tap0" accept
    ip daddr {range} oifname "tap0" reject with icmp host-unreachable
    accept
  }}

  chain input {{
    type filter hook input priority filter; policy drop;
    iifname "lo" accept
    iifname "tap0" ct state established,related accept
    iifname "tap0" drop
    iifname . ip saddr != @sources drop
    ip daddr {metadata} tcp dport {port} accept
    ip daddr . tcp dport @balancers accept
    ip daddr {gateway} meta l4proto {{ tcp, udp }} th dport 53 accept
    icmp type echo-request accept
    ct state established,related accept
    reject
  }}

  chain prerouting {{
    type nat hook prerouting priority dstnat;
    ip daddr @resolvers meta l4proto {{ tcp, udp }} th dport 53 dnat ip to {resolver}
  }}

  chain postrouting {{
    type nat hook postrouting priority srcnat;
    oifname "tap0" masquerade
  }}
}}
"""


def ruleset(plan: NetworkPlan) -> str:
    """Return the router's rules before any droplet is attached."""
    return _RULES.format(
        host=plan.host,
        gateway=plan.gateway,
        range=plan.range,
        metadata=METADATA,
        port=METADATA_PORT,
        resolver=plan.egress_resolver,
        resolvers=", ".join(RESOLVERS),
    )


def attach_elements(veths: Iterable[VethPair], resolvers: Sequence[str]) -> str:
    """Return ``nft -f`` lines that allow a droplet's addresses, each only from its own interface."""
    return "".join(line + "\n" for line in [*_elements("add", veths), *_resolvers(resolvers)])


def detach_elements(veths: Iterable[VethPair]) -> str:
    """Return ``nft -f`` lines that remove the elements of :func:`attach_elements`."""
    return "".join(line + "\n" for line in _elements("delete", veths))


def elements(items: Iterable[str]) -> str:
    """Return the ``elements`` clause of a set or map; nothing if there are no items, as nft requires."""
    joined = ", ".join(items)
    return f"elements = {{ {joined} }}" if joined else ""


def vpc_mark(vpc_id: str) -> int:
    """Return the packet mark of a VPC: 31 bits of a checksum of its id, never 0."""
    return zlib.crc32(vpc_id.encode()) & 0x7FFFFFFF or 1


def _elements(verb: str, veths: Iterable[VethPair]) -> list[str]:
    lines = []
    for veth in veths:
        pairs = ", ".join(f'"{veth.router}" . {address}' for address in veth.addresses)
        lines.append(f"{verb} element {TABLE} sources {{ {pairs} }}")
        if veth.vpc_id is not None:
            mark = vpc_mark(veth.vpc_id)
            lines.append(f'{verb} element {TABLE} vpc_of {{ "{veth.router}" : {mark} }}')
            lines.append(f'{verb} element {TABLE} members {{ "{veth.router}" . {mark} }}')
    return lines


def _resolvers(addresses: Sequence[str]) -> list[str]:
    if not addresses:
        return []
    return [f"add element {TABLE} resolvers {{ {', '.join(addresses)} }}"]
