"""Destroy removes the cluster's things and nothing else; one node only where the quorum allows it."""

from dataclasses import replace
from typing import Any

import pytest

from bakery.errors import DeadlineError, UsageError
from bakery.launch.base.model import DestroyRequest, DrainPolicy, Targets
from bakery.launch.teardown.destroy import list_targets
from bakery.launch.teardown.destroy_some import destroy_node
from tests.helpers.launch_harness import IMAGE, NAMES, LaunchHarness
from tests.helpers.live_cluster import LiveCluster


def _destroy(bench: LaunchHarness, **changes: Any) -> Targets:  # noqa: ANN401 - arguments of destroy
    return bench.destroy(**changes)


def _remove(bench: LaunchHarness, name: str, live: LiveCluster | None = None) -> None:
    running = (live or LiveCluster(bench.cloud)).running
    destroy_node(bench.session(running=running), bench.removal(drain=DrainPolicy(drains=False)), name)


def _account(bench: LaunchHarness) -> dict[str, set[str]]:
    cloud = bench.cloud
    return {
        "droplets": set(cloud.names()),
        "vpcs": {vpc.name for vpc in cloud.vpcs.values()},
        "firewalls": {firewall.name for firewall in cloud.firewalls.values()},
        "keys": {key.name for key in cloud.ssh_keys.values()},
        "images": {image.name for image in cloud.images.values()},
        "tags": set(cloud.tags),
    }


def _add_strangers(bench: LaunchHarness) -> None:
    """Names and tags that a careless pattern would take for the cluster's."""
    cloud = bench.cloud
    cloud.add_droplet("demo-nomad-client-4")
    cloud.add_droplet("demo-consul-server-1", tags=("demo",))
    cloud.add_droplet("demo-2-consul-server-1", tags=("bakery:demo-2", "bakery:demo-2:role:consul-server"))
    cloud.add_droplet("build", tags=("bakery:build:demo",))
    cloud.add_firewall("demo-consul-server", tags=("bakery:demo:role:consul-server",))
    cloud.add_firewall("demo-consul-server-deadbeef", tags=("bakery:demo:role:consul-server",))
    cloud.add_firewall("demo-2-consul-server-deadbeef", tags=("bakery:demo-2:role:consul-server",))
    cloud.add_vpc("bakery-demo-2", ip_range="10.1.0.0/20", description="bakery cluster demo-2, launch deadbeef")
    cloud.add_vpc("demo", ip_range="10.2.0.0/20", description="bakery cluster demo, launch deadbeef")
    cloud.add_key("bakery-demo-launch-deadbeef")
    cloud.add_key("bakery-demo-2-launch-deadbeef")
    cloud.add_key("demo")
    cloud.tags |= dict.fromkeys(["bakery", "bakery:demo2", "bakery:demo-2:role:x", "bakery:image:demo"])


def test_the_account_is_as_it_was_before_the_launch(bench: LaunchHarness) -> None:
    _add_strangers(bench)
    # Named and bound like the cluster's own to the letter, this one would be used by the launch.
    del bench.cloud.firewalls[next(i for i, f in bench.cloud.firewalls.items() if "server-deadbeef" in f.name)]
    before = _account(bench)
    bench.launch()
    assert set(NAMES) <= _account(bench)["droplets"], "control: there is something to remove"
    _destroy(bench)
    assert _account(bench) == before
    assert not bench.paths.journal.exists()


def test_strangers_that_come_after_the_launch_stay(bench: LaunchHarness) -> None:
    bench.launch()
    ours = _account(bench)
    _add_strangers(bench)
    everything = _account(bench)
    targets = _destroy(bench)
    left = _account(bench)
    assert left["droplets"] == (everything["droplets"] - ours["droplets"]) | {"demo-consul-server-1"}
    assert left["firewalls"] == everything["firewalls"] - ours["firewalls"]
    assert left["vpcs"] == everything["vpcs"] - ours["vpcs"]
    assert left["keys"] == everything["keys"]
    assert left["tags"] == everything["tags"] - ours["tags"]
    assert {(k.kind, k.name) for k in targets.not_removed} == {
        ("firewall", "demo-consul-server-deadbeef"), ("ssh key", "bakery-demo-launch-deadbeef"),
    }  # fmt: skip


def test_a_vpc_that_the_user_made_stays(bench: LaunchHarness) -> None:
    bench.cloud.add_vpc("bakery-demo", ip_range="10.100.0.0/20", description="mine")
    bench.launch()
    targets = _destroy(bench)
    assert [vpc.description for vpc in bench.cloud.vpcs.values()] == ["mine"]
    assert [kept.reason for kept in targets.not_removed] == ["no launch of this cluster is known to have made it"]


def test_the_regions_default_vpc_stays_and_is_reported(bench: LaunchHarness) -> None:
    """The first VPC of a region becomes its default and cannot be deleted."""
    bench.launch()
    bench.cloud.vpcs = {key: replace(vpc, default=True) for key, vpc in bench.cloud.vpcs.items()}
    targets = _destroy(bench)
    assert [(k.kind, k.reason) for k in targets.not_removed] == [
        ("vpc", "it is the default VPC of fra1, which cannot be deleted")
    ]
    assert len(bench.cloud.vpcs) == 1


def test_a_vpc_is_deleted_once_its_members_have_left(bench: LaunchHarness) -> None:
    bench.launch()
    bench.cloud.gone_after = 40
    _destroy(bench)
    assert bench.cloud.vpcs == {}


def test_droplets_that_do_not_go_are_named(bench: LaunchHarness) -> None:
    bench.launch()
    bench.cloud.gone_after = 10_000
    with pytest.raises(DeadlineError) as caught:
        _destroy(bench)
    assert "demo-nomad-client-3 is still there" in str(caught.value.details)
    assert len(bench.cloud.firewalls) == 3, "nothing else goes while droplets run"


def test_a_droplet_that_is_busy_is_asked_again_and_the_others_meanwhile(bench: LaunchHarness) -> None:
    """DigitalOcean: 422 while an action of the droplet is under way."""
    bench.launch()
    bench.cloud.busy = {"demo-consul-server-1": 3}
    bench.cloud.revive()
    _destroy(bench)
    asked = [call.subject for call in bench.cloud.mutations if call.name == "delete_droplet"]
    assert len(asked) == 9 + 3
    assert len(set(asked[:9])) == 9, "nobody waits for the busy one"
    assert bench.cloud.names() == []


def test_a_droplet_that_stays_busy_is_named(bench: LaunchHarness) -> None:
    bench.launch()
    bench.cloud.busy = {"demo-consul-server-1": 10_000}
    with pytest.raises(DeadlineError) as caught:
        _destroy(bench)
    assert caught.value.details == "demo-consul-server-1: Droplet already has a pending event."
    assert len(bench.cloud.firewalls) == 3


def test_snapshots_go_only_if_asked_for(bench: LaunchHarness) -> None:
    bench.launch()
    targets = _destroy(bench, snapshot_tag="bakery:image:abc")
    assert [(kept.kind, kept.name) for kept in targets.not_removed] == [("snapshot", "bakery-snapshot")]
    assert list(bench.cloud.images) == [IMAGE.id]
    _destroy(bench, snapshot_tag="bakery:image:abc", snapshots=True)
    assert bench.cloud.images == {}


def test_a_snapshot_that_another_cluster_runs_from_stays(bench: LaunchHarness) -> None:
    bench.launch()
    other = bench.cloud.add_droplet("other-nomad-client-1", tags=("bakery:other",))
    bench.cloud.droplets[other] = replace(bench.cloud.droplets[other], image_id=IMAGE.id)
    targets = _destroy(bench, snapshot_tag="bakery:image:abc", snapshots=True)
    assert targets.snapshots == ()
    assert [(kept.name, kept.reason) for kept in targets.not_removed] == [
        ("bakery-snapshot", "droplets of another cluster run from it: other-nomad-client-1")
    ]
    assert list(bench.cloud.images) == [IMAGE.id]


def test_looking_and_declining_change_nothing(bench: LaunchHarness) -> None:
    bench.launch()
    bench.cloud.revive()
    targets = list_targets(bench.session(), DestroyRequest(plan=bench.plan))
    assert [d.name for d in targets.droplets] == [node.name for node in bench.plan.nodes]
    assert _destroy(bench, approve=lambda targets: False) == targets
    assert bench.cloud.mutations == []


def test_a_second_destroy_finds_nothing(bench: LaunchHarness) -> None:
    bench.launch()
    _destroy(bench)
    bench.cloud.revive()
    assert _destroy(bench).empty
    assert bench.cloud.mutations == []


def test_a_launch_after_a_destroy_starts_anew(bench: LaunchHarness) -> None:
    bench.launch()
    _destroy(bench)
    bench.launch()
    assert bench.cloud.names() == NAMES


def test_a_role_that_left_the_file_leaves_no_firewall(bench: LaunchHarness) -> None:
    bench.launch()
    bench.plan = replace(bench.plan, firewalls=bench.plan.firewalls[:1], nodes=bench.plan.nodes[:3])
    _destroy(bench)
    assert bench.cloud.firewalls == {}
    assert bench.cloud.names() == []


def test_one_node_goes_and_nothing_else(bench: LaunchHarness) -> None:
    bench.launch()
    bench.cloud.revive()
    _remove(bench, "demo-nomad-client-3")
    assert [call.name for call in bench.cloud.mutations] == ["delete_droplet"]
    assert bench.cloud.names() == [name for name in NAMES if name != "demo-nomad-client-3"]


def test_of_twins_the_newest_goes(bench: LaunchHarness) -> None:
    bench.launch()
    live = LiveCluster(bench.cloud)
    live.names("consul")
    twin = bench.cloud.add_droplet("demo-consul-server-1", tags=("bakery:demo", "bakery:demo:role:consul-server"))
    _remove(bench, "demo-consul-server-1", live)
    assert bench.cloud.names() == NAMES
    assert bench.cloud.find_droplet(twin) is None


def test_a_droplets_own_name_means_that_droplet_and_not_a_newer_one_in_its_slot(bench: LaunchHarness) -> None:
    bench.launch()
    tags = ("bakery:demo", "bakery:demo:role:nomad-client", "bakery:demo:slot:nomad-client-2")
    newer = bench.cloud.add_droplet("demo-nomad-client-2-abcd", tags=tags)
    _remove(bench, "demo-nomad-client-2")
    assert "demo-nomad-client-2" not in bench.cloud.names()
    assert bench.cloud.find_droplet(newer) is not None


def test_an_unknown_node_names_the_known(bench: LaunchHarness) -> None:
    bench.launch()
    with pytest.raises(UsageError, match="no droplet 'demo-nomad-client-9'") as caught:
        _remove(bench, "demo-nomad-client-9")
    assert "demo-nomad-client-1" in str(caught.value.hint)
