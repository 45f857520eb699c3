"""What ``plan`` and the question of ``launch`` say about a firewall whose rules change."""

from bakery.cloud.model import Firewall, FirewallRequest, FirewallRule
from bakery.launch.converge.firewalls import OUTBOUND, describe_update

VPC = ("10.100.0.0/20",)
GOSSIP = FirewallRule(protocol="tcp", ports="8301", addresses=VPC)
WEB = FirewallRule(protocol="tcp", ports="80", addresses=("0.0.0.0/0", "::/0"))
TAGS = ("bakery:demo:role:nomad-client",)


def described(before: tuple[FirewallRule, ...], after: tuple[FirewallRule, ...]) -> str:
    found = Firewall(id="1", name="demo-1", status="succeeded", inbound=before, outbound=OUTBOUND, tags=TAGS)
    return describe_update(found, FirewallRequest(name="demo-1", inbound=after, outbound=OUTBOUND, tags=TAGS))


def test_a_port_that_is_opened() -> None:
    assert described((GOSSIP,), (GOSSIP, WEB)) == (
        "its rules differ from the plan: adds tcp 80 from 0.0.0.0/0, ::/0"
    )


def test_a_port_that_is_closed() -> None:
    assert described((GOSSIP, WEB), (GOSSIP,)) == (
        "its rules differ from the plan: removes tcp 80 from 0.0.0.0/0, ::/0"
    )


def test_other_sources_are_a_rule_less_and_a_rule_more() -> None:
    narrow = FirewallRule(protocol="tcp", ports="80", addresses=("203.0.113.0/24",))
    assert described((WEB,), (narrow,)) == (
        "its rules differ from the plan: adds tcp 80 from 203.0.113.0/24; removes tcp 80 from 0.0.0.0/0, ::/0"
    )


def test_a_rule_by_hand_for_a_tag() -> None:
    by_hand = FirewallRule(protocol="tcp", ports="22", addresses=(), tags=("bastion",))
    assert described((GOSSIP, by_hand), (GOSSIP,)) == (
        "its rules differ from the plan: removes tcp 22 from droplets tagged bastion"
    )


def test_a_load_balancer_in_place_of_everyone() -> None:
    through = FirewallRule(protocol="tcp", ports="80", load_balancers=("4de7ac8b",))
    assert described((WEB,), (through,)) == (
        "its rules differ from the plan: adds tcp 80 from load balancer 4de7ac8b;"
        " removes tcp 80 from 0.0.0.0/0, ::/0"
    )


def test_of_many_rules_only_the_first_are_named() -> None:
    many = tuple(FirewallRule(protocol="udp", ports=str(port), addresses=VPC) for port in range(9000, 9006))
    text = described((GOSSIP,), (GOSSIP, *many))
    assert text == (
        "its rules differ from the plan: adds udp 9000 from 10.100.0.0/20; adds udp 9001 from 10.100.0.0/20;"
        " adds udp 9002 from 10.100.0.0/20; 3 more"
    )


def test_where_only_the_outbound_rules_differ() -> None:
    found = Firewall(id="1", name="demo-1", status="succeeded", inbound=(GOSSIP,), outbound=(), tags=TAGS)
    request = FirewallRequest(name="demo-1", inbound=(GOSSIP,), outbound=OUTBOUND, tags=TAGS)
    assert describe_update(found, request) == "its rules differ from the plan"
