"""The emulator's network as data and as commands, without I/O.

It is routed, not bridged: every interface of a droplet has its other end in the router namespace, with a host
route to each of its addresses, and the router answers ARP for all other addresses (proxy ARP). So every packet
of a droplet passes the router's forward hook.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

METADATA = "169.254.169.254"
METADATA_PORT = 80
RESOLVERS = ("67.207.67.2", "67.207.67.3")
"""DigitalOcean's name servers, set in all of its images: https://docs.digitalocean.com/products/networking/dns/"""
DEFAULT_RANGE = IPv4Network("198.18.0.0/15")  # RFC 2544: the range for benchmarks, not used on the internet
MEMORY_RANGE = IPv4Network("127.64.0.0/10")
"""For machines in memory, which have no network: a connection to one of their addresses stays on this machine."""


@dataclass(frozen=True, kw_only=True)
class NetworkPlan:
    """The addresses and names of one emulator's network. ``id`` is short, random and part of every name."""

    id: str
    range: IPv4Network

    @property
    def gateway(self) -> IPv4Address:
        """The droplets' default gateway, on the router."""
        return self.range[1]

    @property
    def host(self) -> IPv4Address:
        """This machine's address: the operator's, as droplets see it."""
        return self.range[2]

    @property
    def egress(self) -> IPv4Network:
        """The network between the router and slirp4netns: the last /24 of the range, which droplets do not use."""
        return list(self.range.subnets(new_prefix=24))[-1]

    @property
    def egress_resolver(self) -> IPv4Address:
        """The name server of slirp4netns (slirp4netns(1): the third address)."""
        return self.egress[3]

    @property
    def router(self) -> str:
        """The name of the router's namespace."""
        return f"bk-{self.id}-r"

    @property
    def host_link(self) -> str:
        """This machine's end of its link to the router; the router's end is called ``host``."""
        return f"bk-{self.id}-h"

    def namespace(self, droplet_id: int) -> str:
        """Return the namespace that holds a droplet's interfaces until its machine starts."""
        return f"bk-{self.id}-{droplet_id}"


@dataclass(frozen=True, kw_only=True)
class VethPair:
    """One interface of a droplet, and the router's end of it."""

    guest: str
    """eth0 or eth1."""
    router: str
    mac: str
    addresses: tuple[str, ...]
    vpc_id: str | None
    """None for a public interface."""


def router_interfaces(droplet_id: int) -> tuple[str, str]:
    """Return the router's ends of a droplet's veth pairs: public, VPC. A private droplet has only the second."""
    return f"p{droplet_id}", f"v{droplet_id}"


def router_settings() -> dict[str, str]:
    """Return the ``/proc/sys/net`` values of the router; later interfaces inherit ``default``."""
    return {
        "ipv4/ip_forward": "1",
        "ipv4/conf/all/rp_filter": "0",
        "ipv4/conf/default/rp_filter": "0",  # sources are checked by nftables, per interface
        "ipv4/conf/all/send_redirects": "0",
        "ipv4/conf/default/send_redirects": "0",
        "ipv4/conf/default/proxy_arp": "1",
        "ipv6/conf/all/disable_ipv6": "1",
        "ipv6/conf/default/disable_ipv6": "1",
    }


def router_commands(plan: NetworkPlan) -> list[str]:
    """Return ``ip -batch`` lines, run on the host, that create its link to the router."""
    return [
        f"link add {plan.host_link} type veth peer name host netns {plan.router}",
        f"link set {plan.host_link} addrgenmode none",
        f"addr add {plan.host}/32 dev {plan.host_link}",
        f"link set {plan.host_link} up",
        f"route add {plan.range} dev {plan.host_link} scope link src {plan.host}",
    ]


def router_inside_commands(plan: NetworkPlan) -> list[str]:
    """Return ``ip -batch`` lines that run inside the router after :func:`router_commands`."""
    return [
        "link set lo up",
        f"addr add {METADATA}/32 dev lo",
        f"addr add {plan.gateway}/32 dev lo",
        "link set host up",
        _answer_at_once("host"),
        f"route add {plan.host}/32 dev host",
    ]


def attach_commands(plan: NetworkPlan, veths: Iterable[VethPair], droplet_id: int) -> list[str]:
    """Return ``ip -batch`` lines, run on the host, that create a droplet's veth pairs."""
    return [
        f"link add name {veth.router} netns {plan.router} type veth"
        f" peer name {veth.guest} address {veth.mac} netns {plan.namespace(droplet_id)}"
        for veth in veths
    ]


def attach_inside_commands(veths: Iterable[VethPair]) -> list[str]:
    """Return ``ip -batch`` lines, run inside the router, that set veth pairs up and route their addresses."""
    lines = []
    for veth in veths:
        lines += [f"link set {veth.router} up", _answer_at_once(veth.router)]
        lines += [f"route add {address}/32 dev {veth.router}" for address in veth.addresses]
    return lines


def overlaps(wanted: IPv4Network, taken: Iterable[str]) -> list[str]:
    """Return the routes and addresses of ``taken`` ("10.0.0.0/8", "192.0.2.7") that overlap ``wanted``."""
    found = []
    for text in taken:
        network = IPv4Network(text, strict=False)
        if network.prefixlen > 0 and network.overlaps(wanted):
            found.append(text)
    return found


def networks_in_use(
    routes: Iterable[Mapping[str, Any]], links: Iterable[Mapping[str, Any]], *, ignored: str | None
) -> list[str]:
    """Return routes and addresses as ``ip -json`` shows them, without default routes and those of one link."""
    used = [str(route.get("dst", "default")) for route in routes if route.get("dev", "") != ignored]
    for link in links:
        if link.get("ifname") != ignored:
            used += [str(address["local"]) for address in link.get("addr_info", ()) if "local" in address]
    return [text for text in used if text != "default"]


def _answer_at_once(interface: str) -> str:
    # arp(7), proxy_delay: else a proxy answer takes up to 0.8 s; a namespace has no default to set.
    return f"ntable change name arp_cache dev {interface} proxy_delay 0"
