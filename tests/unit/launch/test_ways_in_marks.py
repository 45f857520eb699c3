"""Load balancers and reserved IPs that dead runs and other machines made are known as the cluster's."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bakery.launch.teardown.destroy_some import destroy_node
from bakery.plan.tags import address_tag
from tests.helpers.fake_cloud import Call, Fault, Killed
from tests.helpers.ingress_bench import LETS_ENCRYPT, PASSTHROUGH, PLAIN, RESERVED, ingress_bench, ingress_plan
from tests.helpers.launch_harness import LaunchHarness


def killed_after(name: str) -> Callable[[int, Call], Fault | None]:
    return lambda _, call: Fault.KILL_AFTER if call.name == name else None


def killed_with_its_reserved_ip(folder: Path) -> LaunchHarness:
    """A launch died after the request for the reserved IP, which was assigned since then."""
    harness = ingress_bench(folder, RESERVED)
    harness.cloud.fault = killed_after("create_reserved_ip")
    with pytest.raises(Killed):
        harness.launch()
    harness.cloud.revive()
    harness.cloud.clock.sleep(60)
    assert [each.droplet_id is not None for each in harness.cloud.list_reserved_ips()] == [True]  # control
    return harness


def test_a_reserved_ip_that_was_assigned_after_the_launch_died_gets_its_mark(tmp_path: Path) -> None:
    harness = killed_with_its_reserved_ip(tmp_path)
    harness.launch()
    (address,) = harness.cloud.reserved
    assert address_tag("demo", address) in harness.cloud.tags
    harness.cloud.revive()
    harness.launch()
    assert harness.cloud.mutations == []


@pytest.mark.parametrize("role", ["", "consul-server"])
def test_destroy_finds_a_reserved_ip_whose_launch_died_before_it_was_marked(tmp_path: Path, role: str) -> None:
    harness = killed_with_its_reserved_ip(tmp_path)
    if role:
        harness.launch(only_role=role)
    harness.cloud.fault = killed_after("delete_droplet")
    with pytest.raises(Killed):
        harness.destroy()
    harness.cloud.revive()
    harness.destroy()
    assert harness.cloud.reserved == {}
    assert harness.cloud.names() == []


@pytest.mark.parametrize("ingress", [PASSTHROUGH, LETS_ENCRYPT])
def test_destroy_finds_a_load_balancer_that_another_machine_added(tmp_path: Path, ingress: str) -> None:
    harness = ingress_bench(tmp_path / "one", PLAIN)
    harness.launch()
    other = LaunchHarness(tmp_path / "other", cloud=harness.cloud, plan=ingress_plan(ingress))
    other.launch()
    assert len(harness.cloud.balancers) == 1  # control
    targets = harness.destroy()
    assert targets.not_removed == ()
    assert (harness.cloud.balancers, harness.cloud.certificates, harness.cloud.tags) == ({}, {}, {})


def test_a_node_that_was_taken_out_of_the_balancer_is_replaced_by_the_next_launch(tmp_path: Path) -> None:
    harness = ingress_bench(tmp_path, PASSTHROUGH)
    harness.launch()
    harness.cloud.fault = killed_after("untag_droplet")
    with pytest.raises(Killed):
        destroy_node(harness.session(), harness.removal(), "demo-ingress-1")
    harness.cloud.revive()
    (balancer,) = harness.cloud.list_load_balancers()
    assert balancer.droplet_ids == ()  # control
    harness.launch()
    (balancer,) = harness.cloud.list_load_balancers()
    assert len(balancer.droplet_ids) == 1


@pytest.mark.parametrize("ingress", [PASSTHROUGH, LETS_ENCRYPT, RESERVED])
def test_a_launch_of_another_role_makes_no_way_in(tmp_path: Path, ingress: str) -> None:
    harness = ingress_bench(tmp_path, ingress)
    harness.launch(only_role="consul-server")
    assert harness.cloud.slots() == ["demo-consul-server-1"]
    assert (harness.cloud.balancers, harness.cloud.certificates, harness.cloud.reserved) == ({}, {}, {})
    assert harness.preview(only_role="consul-server").empty
    harness.launch(only_role="ingress")
    assert len(harness.cloud.balancers) + len(harness.cloud.reserved) == 1
    assert harness.preview().empty
