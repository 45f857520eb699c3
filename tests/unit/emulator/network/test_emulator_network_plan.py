"""The network plan against addresses and commands written by hand."""

from ipaddress import IPv4Network

import pytest

from bakery.emulator.machines.nspawn_veths import veth_pairs
from bakery.emulator.network.plan import (
    NetworkPlan,
    attach_commands,
    attach_inside_commands,
    networks_in_use,
    overlaps,
    router_commands,
    router_settings,
)
from tests.helpers.machine_specs import machine_spec

PLAN = NetworkPlan(id="3f2a", range=IPv4Network("198.18.0.0/15"))


def test_the_addresses_of_the_default_range() -> None:
    assert str(PLAN.gateway) == "198.18.0.1"
    assert str(PLAN.host) == "198.18.0.2"
    assert str(PLAN.egress) == "198.19.255.0/24"
    assert str(PLAN.egress_resolver) == "198.19.255.3"  # slirp4netns(1): CIDR's third address


def test_every_name_fits_the_kernel() -> None:
    """linux/if.h: IFNAMSIZ is 16, with the zero byte."""
    spec = machine_spec()
    longest = [PLAN.host_link, *(veth.router for veth in veth_pairs(spec))]
    assert longest == ["bk-3f2a-h", "p1001", "v1001"]
    assert all(len(name) <= 15 for name in ("p400000001", "v999999999", PLAN.host_link))
    assert PLAN.namespace(400000001) == "bk-3f2a-400000001"


def test_a_droplet_has_public_and_anchor_on_eth0_and_its_vpc_on_eth1() -> None:
    """https://docs.digitalocean.com/products/networking/reserved-ips/how-to/find-anchor-ips/"""
    outside, inside = veth_pairs(machine_spec())
    assert (outside.guest, outside.router, outside.vpc_id) == ("eth0", "p1001", None)
    assert outside.addresses == ("198.18.0.11", "10.17.0.11")
    assert (inside.guest, inside.router, inside.vpc_id) == ("eth1", "v1001", "vpc-a")
    assert inside.addresses == ("10.100.0.11",)


def test_a_droplet_without_public_networking_has_its_vpc_on_eth0() -> None:
    (only,) = veth_pairs(machine_spec(public=False))
    assert (only.guest, only.router, only.vpc_id) == ("eth0", "v1001", "vpc-a")


def test_the_host_gets_one_link_one_address_and_one_route() -> None:
    assert router_commands(PLAN) == [
        "link add bk-3f2a-h type veth peer name host netns bk-3f2a-r",
        "link set bk-3f2a-h addrgenmode none",
        "addr add 198.18.0.2/32 dev bk-3f2a-h",
        "link set bk-3f2a-h up",
        "route add 198.18.0.0/15 dev bk-3f2a-h scope link src 198.18.0.2",
    ]


def test_a_droplets_veth_pairs_lead_from_its_namespace_to_the_router() -> None:
    veths = veth_pairs(machine_spec())
    assert attach_commands(PLAN, veths, 1001) == [
        "link add name p1001 netns bk-3f2a-r type veth"
        " peer name eth0 address 02:00:00:00:00:01 netns bk-3f2a-1001",
        "link add name v1001 netns bk-3f2a-r type veth"
        " peer name eth1 address 02:00:00:00:01:01 netns bk-3f2a-1001",
    ]
    assert attach_inside_commands(veths) == [
        "link set p1001 up",
        "ntable change name arp_cache dev p1001 proxy_delay 0",
        "route add 198.18.0.11/32 dev p1001",
        "route add 10.17.0.11/32 dev p1001",
        "link set v1001 up",
        "ntable change name arp_cache dev v1001 proxy_delay 0",
        "route add 10.100.0.11/32 dev v1001",
    ]


def test_the_router_forwards_and_answers_for_others_but_speaks_no_ipv6() -> None:
    settings = router_settings()
    assert settings["ipv4/ip_forward"] == "1"
    assert settings["ipv4/conf/default/proxy_arp"] == "1"
    assert settings["ipv6/conf/all/disable_ipv6"] == "1"


@pytest.mark.parametrize(
    ("taken", "count"),
    [
        ("198.18.0.0/15", 1),
        ("198.0.0.0/8", 1),
        ("198.19.7.7", 1),
        ("198.20.0.0/16", 0),
        ("192.0.2.0/24", 0),
        ("0.0.0.0/0", 0),  # a default route is on every machine
    ],
)
def test_a_range_that_the_machine_uses_is_found(taken: str, count: int) -> None:
    assert overlaps(PLAN.range, ["10.0.0.0/8", taken]) == [taken] * count


def test_what_one_link_uses_can_be_ignored() -> None:
    """A crashed emulator's own link: it is removed before a new emulator starts."""
    routes = [
        {"dst": "default", "dev": "eth0"},
        {"type": "unreachable", "dst": "10.9.0.0/16"},
        {"dst": "198.18.0.0/15", "dev": "bk-7a51-h"},
        {"dst": "198.18.7.0/24", "dev": "bk-beef-h"},
    ]
    links: list[dict[str, object]] = [
        {"ifname": "lo", "addr_info": [{"local": "127.0.0.1"}]},
        {"ifname": "bk-7a51-h", "addr_info": [{"local": "198.18.0.2"}]},
        {"ifname": "bk-beef-h"},
    ]
    rest = ["10.9.0.0/16", "198.18.7.0/24", "127.0.0.1"]
    assert networks_in_use(routes, links, ignored="bk-7a51-h") == rest
    assert networks_in_use(routes, links, ignored=None) == [
        "10.9.0.0/16", "198.18.0.0/15", "198.18.7.0/24", "127.0.0.1", "198.18.0.2"
    ]  # fmt: skip
