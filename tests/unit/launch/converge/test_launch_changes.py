"""The plan against the account: what a launch would do and what it costs, from tables written by hand."""

from dataclasses import replace
from pathlib import Path

import pytest

from bakery.launch.base.model import Change, Price, Sign
from tests.helpers.launch_harness import LaunchHarness, small_plan


def test_an_empty_account_gets_everything(harness: LaunchHarness) -> None:
    changes = harness.preview()
    assert [(line.sign, line.kind, line.name) for line in changes.lines] == [
        (Sign.CREATE, "vpc", "bakery-demo"),
        (Sign.CREATE, "firewall", "demo-consul-server"),
        (Sign.CREATE, "firewall", "demo-nomad-server"),
        (Sign.CREATE, "firewall", "demo-nomad-client"),
        *((Sign.CREATE, "droplet", node.name) for node in harness.plan.nodes),
    ]
    # Nine droplets of s-1vcpu-1gb at 6.00 a month and 0.00893 an hour (launch_harness.SIZES).
    assert changes.added == changes.total == Price(monthly=54.0, hourly=0.08037)


def test_growth_costs_the_new_droplets_and_counts_the_old(harness: LaunchHarness) -> None:
    harness.launch()
    changes = harness.preview(small_plan(clients=4))
    assert changes.lines == (
        Change(sign=Sign.CREATE, kind="droplet", name="demo-nomad-client-4", details="s-1vcpu-1gb"),
    )
    assert (changes.added.monthly, changes.total.monthly) == (6.0, 60.0)


def test_extra_droplets_are_reported_and_paid_for(harness: LaunchHarness) -> None:
    harness.launch()
    changes = harness.preview(small_plan(clients=1))
    assert changes.empty
    assert sorted(d.name for d in changes.extra) == ["demo-nomad-client-2", "demo-nomad-client-3"]
    assert changes.total.monthly == 54.0


def test_a_twin_is_reported_and_the_active_older_one_counts(harness: LaunchHarness) -> None:
    harness.launch()
    kept = next(d.id for d in harness.cloud.droplets.values() if d.name == "demo-nomad-client-1")
    twin = harness.cloud.add_droplet("demo-nomad-client-1", tags=("bakery:demo",))
    changes = harness.preview()
    assert changes.empty
    assert [d.id for d in changes.duplicates] == [twin]
    assert kept in {d.id for d in changes.unchanged}


def test_twins_are_reported_in_the_plans_order(harness: LaunchHarness) -> None:
    harness.launch()
    for node in reversed(harness.plan.nodes):
        harness.cloud.add_droplet(node.name, tags=("bakery:demo",))
    names = [droplet.name for droplet in harness.preview().duplicates]
    assert names == [node.name for node in harness.plan.nodes]


def test_a_firewall_changed_by_hand_is_put_right(harness: LaunchHarness) -> None:
    harness.launch()
    firewall = next(f for f in harness.cloud.firewalls.values() if f.name.startswith("demo-nomad-client-"))
    harness.cloud.firewalls[firewall.id] = replace(firewall, inbound=firewall.inbound[:1])
    changes = harness.preview()
    assert [(line.sign, line.name) for line in changes.lines] == [(Sign.UPDATE, firewall.name)]
    harness.launch()
    assert harness.cloud.firewalls[firewall.id].inbound == firewall.inbound


def test_the_order_of_rules_and_addresses_is_no_change(harness: LaunchHarness) -> None:
    harness.launch()
    for firewall in tuple(harness.cloud.firewalls.values()):
        inbound = tuple(replace(r, addresses=r.addresses[::-1]) for r in firewall.inbound[::-1])
        harness.cloud.firewalls[firewall.id] = replace(firewall, inbound=inbound, outbound=firewall.outbound[::-1])
    assert harness.preview().empty


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("demo-nomad-client", "bakery:demo:role:nomad-client"),  # no launch id
        ("demo-nomad-client-deadbeef", "bakery:demo2:role:nomad-client"),  # another cluster's tag
        ("demo-nomad-client-gpu-deadbeef", "bakery:demo:role:nomad-client"),  # a longer role
        ("my-demo-nomad-client-deadbeef", "bakery:demo:role:nomad-client"),
    ],
)
def test_a_firewall_that_only_looks_like_ours_is_not_used(harness: LaunchHarness, name: str, tag: str) -> None:
    harness.cloud.add_firewall(name, tags=(tag,))
    assert len(harness.preview().new_firewalls) == 3


def test_a_firewall_of_ours_is_used() -> None:
    """Control of the table above."""
    harness = LaunchHarness(Path("/nowhere"))
    harness.cloud.add_firewall("demo-nomad-client-deadbeef", tags=("bakery:demo:role:nomad-client",))
    assert len(harness.preview().new_firewalls) == 2
