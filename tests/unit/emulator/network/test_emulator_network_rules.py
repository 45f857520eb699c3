"""The rules' text: which elements a droplet adds and takes away again."""

import re
from ipaddress import IPv4Network

from bakery.emulator.machines.nspawn_veths import veth_pairs
from bakery.emulator.network.plan import NetworkPlan
from bakery.emulator.network.rules import attach_elements, detach_elements, ruleset, vpc_mark
from tests.helpers.machine_specs import machine_spec

PLAN = NetworkPlan(id="3f2a", range=IPv4Network("198.18.0.0/15"))


def test_a_droplets_sources_are_bound_to_its_interfaces() -> None:
    lines = attach_elements(veth_pairs(machine_spec()), ("192.0.2.53",)).splitlines()
    mark = vpc_mark("vpc-a")
    assert lines == [
        'add element inet bakery sources { "p1001" . 198.18.0.11, "p1001" . 10.17.0.11 }',
        'add element inet bakery sources { "v1001" . 10.100.0.11 }',
        f'add element inet bakery vpc_of {{ "v1001" : {mark} }}',
        f'add element inet bakery members {{ "v1001" . {mark} }}',
        "add element inet bakery resolvers { 192.0.2.53 }",
    ]


def test_what_was_added_is_taken_away_but_for_the_resolvers() -> None:
    mark = vpc_mark("vpc-a")
    assert detach_elements(veth_pairs(machine_spec())).splitlines() == [
        'delete element inet bakery sources { "p1001" . 198.18.0.11, "p1001" . 10.17.0.11 }',
        'delete element inet bakery sources { "v1001" . 10.100.0.11 }',
        f'delete element inet bakery vpc_of {{ "v1001" : {mark} }}',
        f'delete element inet bakery members {{ "v1001" . {mark} }}',
    ]


def test_vpcs_have_marks_of_their_own() -> None:
    marks = {vpc_mark(f"5a4981aa-9653-4bd1-bef5-d6bff52042{number:02x}") for number in range(200)}
    assert len(marks) == 200
    assert all(0 < mark < 2**31 for mark in marks)


# nft(8): a chain without a policy accepts; of these two hooks none may.
HOOKS = {
    "forward": "type filter hook forward priority filter; policy drop;",
    "input": "type filter hook input priority filter; policy drop;",
    "prerouting": "type nat hook prerouting priority dstnat;",
    "postrouting": "type nat hook postrouting priority srcnat;",
}


def test_forwarding_and_input_are_closed_unless_a_rule_opens_them() -> None:
    chains = dict(re.findall(r"chain (\w+) \{\n(.*?)\n  \}", ruleset(PLAN), re.DOTALL))
    assert {name: body.split("\n")[0].strip() for name, body in chains.items()} == HOOKS
    for name in ("forward", "input"):
        unmatched = [line.strip() for line in chains[name].splitlines() if line.strip() == "accept"]
        assert len(unmatched) == (name == "forward"), "what a droplet sends to the world is accepted last"
    assert chains["forward"].splitlines()[-1].strip() == "accept"
    assert chains["input"].splitlines()[-1].strip() == "reject"


def test_the_host_is_a_source_of_its_own() -> None:
    assert '"host" . 198.18.0.2' in ruleset(PLAN)
