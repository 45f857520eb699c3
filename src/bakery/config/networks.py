"""Check the networks of the cluster file: the VPC, and the networks that may reach the APIs."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from bakery.config.defaults import VPC_CIDR
from bakery.config.findings import quoted

LARGEST, SMALLEST = 16, 28
"""Prefix lengths of DigitalOcean's VPCs
(https://docs.digitalocean.com/products/networking/vpc/concepts/plan-your-network/)."""
KEPT_BY_DIGITALOCEAN = 5
"""Addresses of a VPC that no droplet gets: network, broadcast and "a few others" (the page above)."""
WIDEST_ADMIN = {4: 8, 6: 16}
"""Shortest prefix length of a network that may reach the APIs, by IP version."""

PRIVATE = tuple(IPv4Network(cidr) for cidr in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


def _named(reason: str, *cidrs: str) -> tuple[tuple[IPv4Network, str], ...]:
    return tuple((IPv4Network(cidr), reason) for cidr in cidrs)


RESERVED: tuple[tuple[IPv4Network, str], ...] = (
    # Nomad's bridge network: client.bridge_network_subnet
    # (https://developer.hashicorp.com/nomad/docs/configuration/client).
    *_named("Nomad's bridge network", "172.26.64.0/20"),
    # Docker's default address pools (https://docs.docker.com/engine/network/#automatic-subnet-allocation).
    *_named("docker's address pools", *(f"172.{second}.0.0/16" for second in range(17, 32)), "192.168.0.0/16"),
    # plan-your-network (above); 10.229.0.0/16 joined them in March 2025 (release notes of 7 March 2025).
    *_named("DigitalOcean itself", "10.244.0.0/16", "10.245.0.0/16", "10.246.0.0/24", "10.229.0.0/16"),
    # Every droplet has a second address on eth0, its anchor, from a /16 of its region. DigitalOcean reserves
    # 10.10.0.0/16 in nyc1 (plan-your-network). Published "ip address" listings of droplets show 10.17 in nyc3,
    # 10.20 in tor1, 10.47 in blr1 and 10.48 in sfo3; other regions are assumed to lie between these numbers.
    *_named(
        "the anchor addresses of DigitalOcean's droplets",
        *(f"10.{second}.0.0/16" for second in (*range(10, 21), *range(46, 50))),
    ),
)


def capacity(vpc: IPv4Network) -> int:
    """Return how many droplets fit into the VPC."""
    return vpc.num_addresses - KEPT_BY_DIGITALOCEAN


def parse_network(text: str) -> IPv4Network | IPv6Network | str:
    """Return the network, or why ``text`` is not a network, to follow "must be a network in CIDR form: "."""
    address, slash, prefix = text.partition("/")
    try:
        ip_address(address)
    except ValueError:
        return f"{quoted(address)} is not an IP address"
    if not slash:
        return "the prefix length is missing"
    if not re.fullmatch("[0-9]{1,3}", prefix):
        return f"{quoted(prefix)} is not a prefix length"
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return f"/{prefix} is not a prefix length"
    if ip_address(address) != network.network_address:
        return f"the address has bits beyond its prefix; the network is {network}"
    return network


def vpc_problem(vpc: IPv4Network | IPv6Network) -> tuple[str, str] | None:
    """Return why the network cannot be the cluster's VPC, and a hint; None if it can."""
    hint = "10.100.0.0/20 has none of these conflicts"
    if not isinstance(vpc, IPv4Network) or not any(vpc.subnet_of(private) for private in PRIVATE):
        return "must be a private IPv4 network (RFC 1918)", hint
    if not LARGEST <= vpc.prefixlen <= SMALLEST:
        return f"must be from /{LARGEST} to /{SMALLEST}, not /{vpc.prefixlen}", "a /20 has room for 4091 droplets"
    for reserved, user in RESERVED:
        if vpc.overlaps(reserved):
            return f"{vpc} overlaps {reserved}, which is used by {user}", hint
    return None


def admin_entry_problem(text: str) -> tuple[str, str | None] | None:
    """Return what is wrong with an entry of ``access.admin_cidrs``, and a hint; None if the entry is allowed.

    The first text continues a sentence that begins with the entry. ``auto`` means the operator's own address.
    """
    if text == "auto":
        return None
    network = parse_network(text)
    if isinstance(network, str):
        hint = "did you mean auto?" if text.lower() == "auto" else "such as 203.0.113.7/32"
        return f" must be auto or a network in CIDR form: {network}", hint
    problem = admin_problem(network)
    return (f": {problem[0]}", problem[1]) if problem else None


def free_range(taken: Iterable[IPv4Network], *, prefix: int = 20) -> IPv4Network | None:
    """Return the first network in 10.0.0.0/8 with that prefix length that overlaps none of ``taken``.

    The search begins at the default range and wraps around to 10.0.0.0. None if no network is free.
    """
    whole, size, occupied = IPv4Network("10.0.0.0/8"), 1 << (32 - prefix), tuple(taken)
    start = int(IPv4Network(VPC_CIDR).network_address) - int(whole.network_address)
    for offset in range(0, whole.num_addresses, size):
        network = IPv4Network((whole[(start + offset) % whole.num_addresses], prefix), strict=False)
        if vpc_problem(network) is None and not any(network.overlaps(used) for used in occupied):
            return network
    return None


def admin_problem(network: IPv4Network | IPv6Network) -> tuple[str, str] | None:
    """Return why the network may not reach the APIs, and a hint; None if it may."""
    hint = "name the networks you work from, or write auto for your own address"
    if network.prefixlen == 0:
        return f"{network} would open the APIs to everyone", hint
    if network.prefixlen < WIDEST_ADMIN[network.version]:
        return f"{network} would open the APIs to a large part of the internet", hint
    return None
