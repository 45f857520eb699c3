"""The rules of versions in a roll and a replacement: checked against what runs, before anything changes."""

from dataclasses import replace
from pathlib import Path

import pytest

from bakery.cloud.model import Image
from bakery.errors import DeadlineError, ExitCode, UsageError
from bakery.launch.base.model import LaunchRequest
from bakery.launch.roll.model import Replaced, RollRequest
from bakery.launch.roll.need import Because
from bakery.launch.roll.versions import versions_in
from bakery.operations.roll_cluster import roll_cluster
from tests.helpers.launch_harness import IMAGE, NAMES, PUBLIC_KEY, launch_request
from tests.helpers.roll_harness import RollHarness, assert_exactly_the_plan, roll_harness

RUNS = ("1.22.5", "1.11.3")
"""What the cluster runs at first."""
DEFAULT = ("1.22.5", "2.0.5")


def _image(number: int, versions: tuple[str, str]) -> Image:
    tag = f"bakery:versions:{':'.join(versions)}".replace(".", "-")
    return replace(IMAGE, id=number, name=f"bakery-{number}", tags=(f"bakery:image:{number}", tag))


SAME = _image(78, RUNS)
NEXT = _image(79, ("2.0.4", "2.0.5"))


@pytest.fixture
def cluster(tmp_path: Path) -> RollHarness:
    made = roll_harness(tmp_path, versions=RUNS)
    made.cloud.images |= {image.id: image for image in (SAME, NEXT)}
    made.live.versions |= {SAME.id: RUNS, NEXT.id: ("2.0.4", "2.0.5")}
    made.live.ends_drains = True
    return made


def _launch(cluster: RollHarness, image: Image | None, versions: tuple[str, str]) -> LaunchRequest:
    """What a launch is asked for whose file has these versions, and whose account has this snapshot of them."""
    launch = cluster.request().launch
    plan = replace(launch.plan, consul_version=versions[0], nomad_version=versions[1])
    return replace(launch, plan=plan, image=image)


def _roll(
    cluster: RollHarness,
    image: Image | None,
    versions: tuple[str, str],
    *roles: str,
    chosen: Image | None = None,
) -> tuple[Replaced, ...]:
    one = replace(cluster.request(), launch=_launch(cluster, image, versions))
    request = RollRequest(replace=one, because=frozenset(Because), roles=roles, image=chosen)
    return roll_cluster(cluster.session, request, lambda plan: True)


def test_a_roll_to_the_next_versions(cluster: RollHarness) -> None:
    assert len(_roll(cluster, NEXT, ("2.0.4", "2.0.5"))) == 9
    assert {member.version for member in cluster.live.consul.pool} == {"2.0.4"}
    assert {node.version for node in cluster.live.nomad.clients} == {"2.0.5"}
    assert_exactly_the_plan(cluster, "upgraded")


@pytest.mark.parametrize(
    ("versions", "roles", "message"),
    [
        (("1.21.5", "1.11.3"), (),
         "demo-consul-server-1 runs Consul 1.22.5: servers cannot be changed back to 1.21.5"),
        (("1.22.5", "1.11.2"), (),
         "demo-nomad-server-1 runs Nomad 1.11.3: servers cannot be changed back to 1.11.2"),
        (("2.2.0", "1.11.3"), (),
         "Consul 1.22.5 to 2.2.0 crosses 3 minor versions; a running cluster can cross 2 at once"),
        (("2.0.4", "1.11.3"), ("nomad-client",),
         "Consul 2.0.4 cannot run on a client yet: demo-consul-server-1 has an older one"),
        (("1.22.5", "2.0.5"), ("nomad-client",),
         "Nomad 2.0.5 cannot run on a client yet: demo-nomad-server-1 has an older one"),
    ],
)  # fmt: skip
def test_a_version_that_is_not_allowed_changes_nothing(
    cluster: RollHarness, versions: tuple[str, str], roles: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        _roll(cluster, _image(80, versions), versions, *roles)
    assert caught.value.message == message
    assert caught.value.exit_code is ExitCode.USAGE
    assert cluster.cloud.mutations == []
    assert [call for call in cluster.live.consul.calls if call.startswith(("create_session", "acquire"))] == []


def test_clients_alone_may_go_back(cluster: RollHarness) -> None:
    back = _image(80, ("1.21.5", "1.11.2"))
    cluster.cloud.images[80] = back
    assert [each.slot for each in _roll(cluster, back, ("1.21.5", "1.11.2"), "nomad-client")] == NAMES[3:6]


def test_nomad_before_1_11_is_not_rolled_to_1_11(cluster: RollHarness) -> None:
    """GH-27773. The cluster ran 1.10.5 before: its pools show that, whatever the file says."""
    cluster.live.nomad.pool = tuple(replace(m, version="1.10.5") for m in cluster.live.nomad.pool)
    cluster.live.nomad.clients = tuple(replace(n, version="1.10.5") for n in cluster.live.nomad.clients)
    with pytest.raises(UsageError) as caught:
        _roll(cluster, SAME, RUNS)
    assert caught.value.message == "Nomad cannot be changed from 1.10.5 to 1.11.3"
    assert str(caught.value.hint) == "upgrade to Nomad 2.0.x instead"
    assert cluster.cloud.mutations == []


def test_a_replacement_is_checked_too(cluster: RollHarness) -> None:
    cluster.cloud.images[80] = _image(80, ("1.21.5", "1.11.3"))
    launch = _launch(cluster, cluster.cloud.images[80], ("1.21.5", "1.11.3"))
    with pytest.raises(UsageError, match=r"servers cannot be changed back to 1\.21\.5"):
        cluster.replace("demo-consul-server-2", launch=launch)
    assert cluster.cloud.mutations == []
    assert cluster.replace("demo-nomad-client-1", launch=launch) is not None  # a client may go back


def test_a_file_that_changes_between_two_runs_of_one_roll(cluster: RollHarness) -> None:
    """The roll goes on with its own snapshot and that one's versions; the next roll has the file's."""
    cluster.live.keeps_out = lambda droplet: "nomad-server-2-" in droplet.name
    with pytest.raises(DeadlineError):
        _roll(cluster, NEXT, ("2.0.4", "2.0.5"))
    cluster.live.keeps_out = lambda droplet: False
    cluster.cloud.clock.sleep(60)
    done = _roll(cluster, SAME, RUNS)  # the user has put the old versions back into the file
    assert 0 < len(done) < 9
    assert {d.image_id for d in cluster.cloud.droplets.values() if cluster.cloud.is_there(d.id)} == {NEXT.id}
    assert [str(line) for line in cluster.harness.reporter.warnings if "unfinished roll" in str(line)] == [
        "the unfinished roll continues with its own snapshot, bakery-79 (Consul 2.0.4, Nomad 2.0.5);"
        " what the cluster file asks for now comes after it: bakery roll"
    ]
    with pytest.raises(UsageError, match=r"servers cannot be changed back to 1\.22\.5"):
        _roll(cluster, SAME, RUNS)


def test_an_older_snapshot_of_the_same_versions_is_a_way_back(cluster: RollHarness) -> None:
    assert len(_roll(cluster, SAME, RUNS)) == 9
    assert len(_roll(cluster, SAME, RUNS, chosen=_image(IMAGE.id, RUNS))) == 9
    assert {d.image_id for d in cluster.cloud.droplets.values() if cluster.cloud.is_there(d.id)} == {IMAGE.id}


def test_a_chosen_snapshot_replaces_that_of_an_unfinished_roll(cluster: RollHarness) -> None:
    """The way out of a roll whose snapshot never becomes a node."""
    cluster.live.keeps_out = lambda droplet: droplet.image_id == SAME.id
    with pytest.raises(DeadlineError):
        _roll(cluster, SAME, RUNS)
    (canary,) = [name for name in cluster.cloud.names() if name not in NAMES]
    gone = next(d.id for d in cluster.cloud.droplets.values() if d.name == canary)
    cluster.cloud.delete_droplet(gone)
    assert _roll(cluster, SAME, RUNS, chosen=_image(IMAGE.id, RUNS)) == ()
    assert cluster.session.journal.now.roll is None
    assert cluster.cloud.names() == NAMES


def test_a_chosen_snapshot_follows_the_rules(cluster: RollHarness) -> None:
    assert len(_roll(cluster, NEXT, ("2.0.4", "2.0.5"))) == 9
    with pytest.raises(UsageError, match=r"servers cannot be changed back to 1\.22\.5"):
        _roll(cluster, NEXT, ("2.0.4", "2.0.5"), chosen=SAME)
    unknown = replace(IMAGE, id=81, name="bakery-old", tags=("bakery:image:old",))
    with pytest.raises(UsageError, match="the versions of Consul and Nomad in snapshot bakery-old are not known"):
        _roll(cluster, NEXT, ("2.0.4", "2.0.5"), chosen=unknown)


def test_a_snapshot_without_its_versions_has_those_of_the_nodes_that_run_from_it(cluster: RollHarness) -> None:
    """Of bakery 0.1: the way back half-way through a roll."""
    cluster.live.keeps_out = lambda droplet: "nomad-client-2-" in droplet.name
    with pytest.raises(DeadlineError):
        _roll(cluster, SAME, RUNS)
    cluster.live.keeps_out = lambda droplet: False
    before = replace(IMAGE, tags=("bakery:image:of-0-1",))
    assert len(_roll(cluster, SAME, RUNS, chosen=before)) > 0
    assert {d.image_id for d in cluster.cloud.droplets.values() if cluster.cloud.is_there(d.id)} == {IMAGE.id}


def test_the_versions_of_a_snapshot_are_those_of_equal_content_or_of_its_tag() -> None:
    launch = launch_request(IMAGE, key=PUBLIC_KEY)
    assert versions_in(IMAGE, launch) == DEFAULT
    assert versions_in(replace(IMAGE, id=5, tags=("bakery:image:abc",)), launch) == DEFAULT
    assert versions_in(NEXT, launch) == ("2.0.4", "2.0.5")
    assert versions_in(replace(IMAGE, id=5, tags=("bakery:image:def",)), launch) is None
    assert versions_in(NEXT, replace(launch, image=None)) == ("2.0.4", "2.0.5")
