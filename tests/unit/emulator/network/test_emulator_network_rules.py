"""The rules' text: which elements a droplet adds and takes away again."""

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
    veths = veth_pairs(machine_spec())
    added = attach_elements(veths, ()).splitlines()
    assert detach_elements(veths).splitlines() == [line.replace("add ", "delete ", 1) for line in added]


def test_vpcs_have_marks_of_their_own() -> None:
    marks = {vpc_mark(f"5a4981aa-9653-4bd1-bef5-d6bff52042{number:02x}") for number in range(200)}
    assert len(marks) == 200
    assert all(0 < mark < 2**31 for mark in marks)


def test_forwarding_and_input_are_closed_unless_a_rule_opens_them() -> None:
    text = ruleset(PLAN)
    assert text.count("policy drop;") == 2
    assert "policy accept" not in text
    assert '"host" . 198.18.0.2' in text
