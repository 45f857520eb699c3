"""The nftables rules of load balancers, reserved IPs and the name server, as text."""

from ipaddress import IPv4Network

from bakery.emulator.network.edge import address_commands, addresses, ruleset
from bakery.emulator.network.model import Balancer, Check, EdgePolicy, Listener, Zone
from bakery.emulator.network.plan import NetworkPlan

PLAN = NetworkPlan(id="ab12", range=IPv4Network("198.18.0.0/15"))
CHECK = Check(protocol="tcp", port=80, path="/", interval_s=3, timeout_s=3, unhealthy_after=2, healthy_after=2)
BALANCER = Balancer(
    id="b",
    address="198.18.0.11",
    source="10.100.0.3",
    listeners=tuple(Listener(port=port, is_http=False, target_port=port) for port in (80, 443)),
    targets=("10.100.0.2",),
    check=CHECK,
)


def test_the_rules_of_everything() -> None:
    policy = EdgePolicy(
        balancers=(BALANCER,),
        reserved=(("198.18.0.12", "10.17.0.2"),),
        zones=(Zone(name="example.com", records=()),),
    )
    assert ruleset(PLAN, policy) == (
        "table inet edge\n"
        "delete table inet edge\n"
        "table inet edge {\n"
        "  map reserved { type ipv4_addr : ipv4_addr; elements = { 198.18.0.12 : 10.17.0.2 } }\n"
        "  chain prerouting {\n"
        "    type nat hook prerouting priority dstnat - 5; policy accept;\n"
        "    dnat ip to ip daddr map @reserved\n"
        "    ip daddr { 67.207.67.2, 67.207.67.3 } meta l4proto { tcp, udp } th dport 53 dnat ip to 198.18.0.1\n"
        "  }\n"
        "}\n"
        "flush set inet bakery balancers\n"
        "add element inet bakery balancers { 198.18.0.11 . 80, 198.18.0.11 . 443 }\n"
    )
    assert addresses(policy) == {"198.18.0.11", "10.100.0.3"}


def test_an_empty_policy_leaves_no_rule() -> None:
    text = ruleset(PLAN, EdgePolicy())
    assert "elements" not in text
    assert "dport 53" not in text
    assert text.endswith("flush set inet bakery balancers\n")


def test_the_routers_own_addresses() -> None:
    assert address_commands("replace", {"198.18.0.11", "10.100.0.3"}) == [
        "addr replace 10.100.0.3/32 dev lo",
        "addr replace 198.18.0.11/32 dev lo",
    ]
