"""Destroy removes the cluster's things and nothing else; one node only where the quorum allows it."""

from dataclasses import replace
from typing import Any

import pytest

from bakery.errors import DeadlineError, LaunchError, UsageError
from bakery.launch.base.model import DestroyRequest, DrainPolicy, Targets
from bakery.launch.teardown.destroy import list_targets
from bakery.launch.teardown.destroy_some import destroy_node
from tests.helpers.launch_harness import IMAGE, NAMES, LaunchHarness
from tests.helpers.live_cluster import LiveCluster


def _destroy(harness: LaunchHarness, **changes: Any) -> Targets:  # noqa: ANN401 - arguments of destroy
    return harness.destroy(**changes)


def _remove(harness: LaunchHarness, name: str, live: LiveCluster | None = None) -> None:
    running = (live or LiveCluster(harness.cloud)).running
    destroy_node(harness.session(running=running), harness.removal(drain=DrainPolicy(drains=False)), name)


def _account(harness: LaunchHarness) -> dict[str, set[str]]:
    cloud = harness.cloud
    return {
        "droplets": set(cloud.names()),
        "vpcs": {vpc.name for vpc in cloud.vpcs.values()},
        "firewalls": {firewall.name for firewall in cloud.firewalls.values()},
        "keys": {key.name for key in cloud.ssh_keys.values()},
        "images": {image.name for image in cloud.images.values()},
        "tags": set(cloud.tags),
    }


def _add_strangers(harness: LaunchHarness) -> None:
    """Names and tags that a careless pattern would take for the cluster's."""
    cloud = harness.cloud
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


def test_the_account_is_as_it_was_before_the_launch(harness: LaunchHarness) -> None:
    _add_strangers(harness)
    # Named and bound like the cluster's own to the letter, this one would be used by the launch.
    del harness.cloud.firewalls[next(i for i, f in harness.cloud.firewalls.items() if "server-deadbeef" in f.name)]
    before = _account(harness)
    harness.launch()
    assert set(NAMES) <= _account(harness)["droplets"], "control: there is something to remove"
    _destroy(harness)
    assert _account(harness) == before
    assert not harness.paths.journal.exists()


def test_strangers_that_come_after_the_launch_stay(harness: LaunchHarness) -> None:
    harness.launch()
    ours = _account(harness)
    _add_strangers(harness)
    everything = _account(harness)
    targets = _destroy(harness)
    left = _account(harness)
    assert left["droplets"] == (everything["droplets"] - ours["droplets"]) | {"demo-consul-server-1"}
    assert left["firewalls"] == everything["firewalls"] - ours["firewalls"]
    assert left["vpcs"] == everything["vpcs"] - ours["vpcs"]
    assert left["keys"] == everything["keys"]
    assert left["tags"] == everything["tags"] - ours["tags"]
    assert {(k.kind, k.name) for k in targets.not_removed} == {
        ("firewall", "demo-consul-server-deadbeef"), ("ssh key", "bakery-demo-launch-deadbeef"),
    }  # fmt: skip


def test_a_vpc_that_the_user_made_stays(harness: LaunchHarness) -> None:
    harness.cloud.add_vpc("bakery-demo", ip_range="10.100.0.0/20", description="mine")
    harness.launch()
    targets = _destroy(harness)
    assert [vpc.description for vpc in harness.cloud.vpcs.values()] == ["mine"]
    assert [kept.reason for kept in targets.not_removed] == ["no launch of this cluster is known to have made it"]


def test_the_regions_default_vpc_stays_and_is_reported(harness: LaunchHarness) -> None:
    """The first VPC of a region becomes its default and cannot be deleted."""
    harness.launch()
    harness.cloud.vpcs = {key: replace(vpc, default=True) for key, vpc in harness.cloud.vpcs.items()}
    targets = _destroy(harness)
    assert [(k.kind, k.reason) for k in targets.not_removed] == [
        ("vpc", "it is the default VPC of fra1, which cannot be deleted")
    ]
    assert len(harness.cloud.vpcs) == 1


def test_a_vpc_is_deleted_once_its_members_have_left(harness: LaunchHarness) -> None:
    harness.launch()
    harness.cloud.gone_after = 40
    _destroy(harness)
    assert harness.cloud.vpcs == {}


def test_a_vpc_with_a_droplet_of_somebody_else_is_not_waited_for(harness: LaunchHarness) -> None:
    harness.launch()
    (vpc,) = harness.cloud.vpcs
    other = harness.cloud.add_droplet("database", vpc=vpc)
    before = harness.cloud.clock.now()
    with pytest.raises(LaunchError) as caught:
        _destroy(harness)
    assert caught.value.message == "VPC bakery-demo contains droplets that are not the cluster's: database"
    assert caught.value.hint == "delete them, and run the same command again: it deletes the rest"
    assert harness.cloud.clock.now() - before < 60
    assert harness.cloud.names() == ["database"]
    harness.cloud.delete_droplet(other)
    _destroy(harness)
    assert harness.cloud.vpcs == {}


def test_droplets_that_do_not_go_are_named(harness: LaunchHarness) -> None:
    harness.launch()
    harness.cloud.gone_after = 10_000
    with pytest.raises(DeadlineError) as caught:
        _destroy(harness)
    assert "demo-nomad-client-3 is still there" in str(caught.value.details)
    assert len(harness.cloud.firewalls) == 3, "nothing else goes while droplets run"


def test_a_droplet_that_is_busy_is_asked_again_and_the_others_meanwhile(harness: LaunchHarness) -> None:
    """DigitalOcean: 422 while an action of the droplet is under way."""
    harness.launch()
    harness.cloud.busy = {"demo-consul-server-1": 3}
    harness.cloud.revive()
    _destroy(harness)
    asked = [call.subject for call in harness.cloud.mutations if call.name == "delete_droplet"]
    assert len(asked) == 9 + 3
    assert len(set(asked[:9])) == 9, "nobody waits for the busy one"
    assert harness.cloud.names() == []


def test_a_droplet_that_stays_busy_is_named(harness: LaunchHarness) -> None:
    harness.launch()
    harness.cloud.busy = {"demo-consul-server-1": 10_000}
    with pytest.raises(DeadlineError) as caught:
        _destroy(harness)
    assert caught.value.details == "demo-consul-server-1: Droplet already has a pending event."
    assert len(harness.cloud.firewalls) == 3


def test_snapshots_go_only_if_asked_for(harness: LaunchHarness) -> None:
    harness.launch()
    targets = _destroy(harness, snapshot_tag="bakery:image:abc")
    assert [(kept.kind, kept.name) for kept in targets.not_removed] == [("snapshot", "bakery-snapshot")]
    assert list(harness.cloud.images) == [IMAGE.id]
    _destroy(harness, snapshot_tag="bakery:image:abc", snapshots=True)
    assert harness.cloud.images == {}


def test_a_snapshot_that_another_cluster_runs_from_stays(harness: LaunchHarness) -> None:
    harness.launch()
    other = harness.cloud.add_droplet("other-nomad-client-1", tags=("bakery:other",))
    harness.cloud.droplets[other] = replace(harness.cloud.droplets[other], image_id=IMAGE.id)
    targets = _destroy(harness, snapshot_tag="bakery:image:abc", snapshots=True)
    assert targets.snapshots == ()
    assert [(kept.name, kept.reason) for kept in targets.not_removed] == [
        ("bakery-snapshot", "droplets of another cluster run from it: other-nomad-client-1")
    ]
    assert list(harness.cloud.images) == [IMAGE.id]


def test_looking_and_declining_change_nothing(harness: LaunchHarness) -> None:
    harness.launch()
    harness.cloud.revive()
    targets = list_targets(harness.session(), DestroyRequest(plan=harness.plan))
    assert [d.name for d in targets.droplets] == [node.name for node in harness.plan.nodes]
    assert _destroy(harness, approve=lambda targets: False) == targets
    assert harness.cloud.mutations == []


def test_a_second_destroy_finds_nothing(harness: LaunchHarness) -> None:
    harness.launch()
    _destroy(harness)
    harness.cloud.revive()
    assert _destroy(harness).empty
    assert harness.cloud.mutations == []


def test_a_launch_after_a_destroy_starts_anew(harness: LaunchHarness) -> None:
    harness.launch()
    _destroy(harness)
    harness.launch()
    assert harness.cloud.names() == NAMES


def test_a_role_that_left_the_file_leaves_no_firewall(harness: LaunchHarness) -> None:
    harness.launch()
    harness.plan = replace(harness.plan, firewalls=harness.plan.firewalls[:1], nodes=harness.plan.nodes[:3])
    _destroy(harness)
    assert harness.cloud.firewalls == {}
    assert harness.cloud.names() == []


def test_one_node_goes_and_nothing_else(harness: LaunchHarness) -> None:
    harness.launch()
    harness.cloud.revive()
    _remove(harness, "demo-nomad-client-3")
    assert [call.name for call in harness.cloud.mutations] == ["delete_droplet"]
    assert harness.cloud.names() == [name for name in NAMES if name != "demo-nomad-client-3"]


def test_of_twins_the_newest_goes(harness: LaunchHarness) -> None:
    harness.launch()
    live = LiveCluster(harness.cloud)
    live.names("consul")
    twin = harness.cloud.add_droplet(
        "demo-consul-server-1", tags=("bakery:demo", "bakery:demo:role:consul-server")
    )
    _remove(harness, "demo-consul-server-1", live)
    assert harness.cloud.names() == NAMES
    assert harness.cloud.find_droplet(twin) is None


def test_a_droplets_own_name_means_that_droplet_and_not_a_newer_one_in_its_slot(harness: LaunchHarness) -> None:
    harness.launch()
    tags = ("bakery:demo", "bakery:demo:role:nomad-client", "bakery:demo:slot:nomad-client-2")
    newer = harness.cloud.add_droplet("demo-nomad-client-2-abcd", tags=tags)
    _remove(harness, "demo-nomad-client-2")
    assert "demo-nomad-client-2" not in harness.cloud.names()
    assert harness.cloud.find_droplet(newer) is not None


def test_an_unknown_node_names_the_known(harness: LaunchHarness) -> None:
    harness.launch()
    with pytest.raises(UsageError, match="no droplet 'demo-nomad-client-9'") as caught:
        _remove(harness, "demo-nomad-client-9")
    assert "demo-nomad-client-1" in str(caught.value.hint)
