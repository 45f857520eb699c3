"""Objects of the API reference, to the model and back."""

import pytest

from bakery.cloud import parse
from bakery.cloud.model import DropletRequest, FirewallRequest, FirewallRule

# Cut from the reference's examples (openapi droplets/responses/examples.yml, firewalls/models/firewall.yml).
DROPLET = {
    "id": 3164444, "name": "example.com", "memory": 1024, "vcpus": 1, "disk": 25, "locked": False,
    "status": "active", "kernel": None, "created_at": "2020-07-21T18:37:44Z", "image": {"id": 63663980},
    "size_slug": "s-1vcpu-1gb", "tags": ["web", "env:prod"], "vpc_uuid": "760e09ef-dc84-11e8-981e-3cfdfeaae000",
    "region": {"slug": "nyc3"},
    "networks": {
        "v4": [
            {"ip_address": "10.128.192.124", "netmask": "255.255.0.0", "gateway": "nil", "type": "private"},
            {"ip_address": "192.241.165.154", "netmask": "255.255.255.0", "type": "public"},
        ],
        "v6": [],
    },
}  # fmt: skip


def test_a_droplet_whatever_the_order_of_its_networks() -> None:
    droplet = parse.droplet(DROPLET)
    assert (droplet.id, droplet.region, droplet.size, droplet.image_id) == (
        3164444,
        "nyc3",
        "s-1vcpu-1gb",
        63663980,
    )
    assert (droplet.public_ipv4, droplet.private_ipv4) == ("192.241.165.154", "10.128.192.124")
    assert droplet.tags == ("web", "env:prod")


@pytest.mark.parametrize("networks", [{"v4": [], "v6": []}, {}, None])
def test_a_droplet_that_was_just_created_has_no_addresses(networks: object) -> None:
    droplet = parse.droplet({**DROPLET, "networks": networks, "status": "new", "tags": None, "image": None})
    assert (droplet.public_ipv4, droplet.private_ipv4, droplet.tags, droplet.image_id) == (None, None, (), None)


@pytest.mark.parametrize("change", [{"id": None}, {"region": None}, {"tags": "web"}, {"networks": {"v4": [{}]}}])
def test_a_droplet_that_is_none(change: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        parse.droplet({**DROPLET, **change})


def test_no_create_installs_the_console_agent_and_no_repr_shows_user_data() -> None:
    request = DropletRequest(
        name="a", region="fra1", size="s", image=1, tags=("t",), vpc_id="v", ssh_keys=(7,), user_data="CANARY"
    )
    assert parse.droplet_body(request) == {
        "name": "a", "region": "fra1", "size": "s", "image": 1, "tags": ["t"], "ssh_keys": [7],
        "user_data": "CANARY", "monitoring": False, "with_droplet_agent": False, "vpc_uuid": "v",
    }  # fmt: skip
    assert "CANARY" not in repr(request)


def test_a_firewall_there_and_back() -> None:
    item = {
        "id": "bb4b2611", "name": "fw", "status": "waiting", "tags": ["web"], "droplet_ids": [8043964],
        "inbound_rules": [
            {"protocol": "tcp", "ports": "80", "sources": {"kubernetes_ids": ["x"], "addresses": ["10.0.0.0/8"]}},
            {"protocol": "icmp", "sources": {"tags": ["gateway"]}},
            {"protocol": "tcp", "ports": "443", "sources": {"load_balancer_uids": ["4de7ac8b"]}},
        ],
        "outbound_rules": [
            {"protocol": "tcp", "ports": "all", "destinations": {"addresses": ["0.0.0.0/0", "::/0"]}},
        ],
    }  # fmt: skip
    firewall = parse.firewall(item)
    assert firewall.inbound == (
        FirewallRule(protocol="tcp", ports="80", addresses=("10.0.0.0/8",)),
        FirewallRule(protocol="icmp", ports="0", tags=("gateway",)),
        FirewallRule(protocol="tcp", ports="443", load_balancers=("4de7ac8b",)),
    )
    assert firewall.outbound[0].ports == "0"
    request = FirewallRequest(name="fw", inbound=firewall.inbound, outbound=firewall.outbound, tags=("web",))
    assert parse.firewall_body(request) == {
        "name": "fw",
        "inbound_rules": [
            {"protocol": "tcp", "ports": "80", "sources": {"addresses": ["10.0.0.0/8"]}},
            {"protocol": "icmp", "ports": "0", "sources": {"tags": ["gateway"]}},
            {"protocol": "tcp", "ports": "443", "sources": {"load_balancer_uids": ["4de7ac8b"]}},
        ],
        "outbound_rules": [
            {"protocol": "tcp", "ports": "0", "destinations": {"addresses": ["0.0.0.0/0", "::/0"]}}
        ],
        "droplet_ids": [],
        "tags": ["web"],
    }
