"""What is said of the work of Nomad clients before they are removed."""

from dataclasses import replace
from pathlib import Path

import pytest

from bakery.agents.model import Allocation, NomadNode, Resources, TaskGroup
from bakery.errors import AgentError, ExitCode, UsageError
from bakery.launch.base.members import list_members
from bakery.launch.base.model import DEFAULT_DRAIN, DrainPolicy
from bakery.launch.teardown.hurt import Work, look_at_work, warnings_of
from bakery.launch.teardown.room import without_room
from tests.helpers.launch_harness import small_plan
from tests.helpers.roll_harness import RollHarness, roll_harness

KEEPS = Resources(cpu_mhz=100, memory_mb=200)
CLIENT, OTHERS = "nomad-client-2", ("nomad-client-1", "nomad-client-3")


def _allocation(job_type: str = "service", status: str = "running", **group: object) -> Allocation:
    fields: dict[str, object] = {
        "name": "web", "count": 2, "max_parallel": 1, "shutdown_delay_seconds": 5.0, "sticky_disk": False,
        "migrates_disk": False, "host_volumes": (), "has_services": True,
    }  # fmt: skip
    made = TaskGroup(**(fields | group))  # type: ignore[arg-type]
    return Allocation(
        id="a", job="shop", job_type=job_type, status=status, desired="run", group=made, group_name="web",
        resources=KEEPS, datacenters=("demo",),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("allocation", "lines"),
    [
        (_allocation(), ()),
        (_allocation("system", count=1), ()),
        (_allocation(count=1), ("shop.web: with count 1 it stops before its successor runs",)),
        (
            _allocation(max_parallel=2),
            ("shop.web: migrate.max_parallel 2 moves all 2 allocations at once",),
        ),
        (
            _allocation(shutdown_delay_seconds=0.0),
            ("shop.web: without shutdown_delay, requests are lost while it is deregistered",),
        ),
        (_allocation(shutdown_delay_seconds=0.0, has_services=False), ()),
        (
            _allocation("batch"),
            ("shop.web: batch work is killed if it still runs after 600 s, the drain deadline",),
        ),
        (
            _allocation("sysbatch"),
            ("shop.web: batch work is killed if it still runs after 600 s, the drain deadline",),
        ),
        (
            _allocation(sticky_disk=True),
            ("shop.web: its sticky disk is not migrated, and is deleted with its droplet",),
        ),
        (
            _allocation(sticky_disk=True, migrates_disk=True),
            (
                "shop.web: its disk is copied to its next client, which must be healthy before the droplet is"
                " deleted",
            ),
        ),
    ],
)
def test_what_hurts_is_said(allocation: Allocation, lines: tuple[str, ...]) -> None:
    assert warnings_of([allocation, allocation], DEFAULT_DRAIN) == lines


def test_without_a_drain_everything_is_cut_off() -> None:
    found = [_allocation(), replace(_allocation("batch"), job="report"), _allocation("system")]
    assert warnings_of(found, DrainPolicy(drains=False)) == (
        "report.web: batch work is killed",
        "shop.web: it is cut off; once Nomad misses its client, it starts where there is room",
    )


OTHER = NomadNode(
    id="id-1", name="demo-nomad-client-1", address="10.100.0.7", status="ready", eligible=True,
    consul_version="1.22.5", drivers={}, datacenter="demo",
)  # fmt: skip
ROOM = "shop.web: no other client has room for it (100 MHz, 200 MB); it stops and waits for room"
NOWHERE = "shop.web: no other client of pool default takes work; it stops and waits for room"


@pytest.mark.parametrize(
    ("node", "free", "lines"),
    [
        (OTHER, KEEPS, ()),
        (OTHER, Resources(cpu_mhz=99, memory_mb=200), (ROOM,)),
        (OTHER, Resources(cpu_mhz=100, memory_mb=199), (ROOM,)),
        (replace(OTHER, eligible=False), KEEPS, (NOWHERE,)),
        (replace(OTHER, status="down"), KEEPS, (NOWHERE,)),
        (replace(OTHER, pool="gpu"), KEEPS, (NOWHERE,)),
        (replace(OTHER, datacenter="another"), KEEPS, (NOWHERE,)),
    ],
    ids=["fits", "no CPU", "no memory", "ineligible", "down", "another pool", "another datacenter"],
)
def test_work_with_nowhere_to_go(node: NomadNode, free: Resources, lines: tuple[str, ...]) -> None:
    assert without_room([_allocation()], [node], {node.id: free}) == lines


def test_room_is_used_once_and_a_datacenter_may_be_a_pattern() -> None:
    allocation = replace(_allocation(), datacenters=("de*",), pool="all")
    twice = [allocation, replace(allocation, id="b")]
    assert without_room(twice, [OTHER], {OTHER.id: Resources(cpu_mhz=500, memory_mb=399)}) == (ROOM,)
    assert without_room(twice, [OTHER], {OTHER.id: Resources(cpu_mhz=500, memory_mb=400)}) == ()


@pytest.fixture
def cluster(tmp_path: Path) -> RollHarness:
    return roll_harness(tmp_path)


def _look(cluster: RollHarness, policy: DrainPolicy = DEFAULT_DRAIN, *, replaced: bool = False) -> Work:
    droplets = list_members(cluster.session)
    going = [each for each in droplets if each.name == f"demo-{CLIENT}"]
    return look_at_work(cluster.session, small_plan(), going, droplets, policy, replaced=replaced)


def _id(cluster: RollHarness, slot: str) -> str:
    return f"id-{cluster.in_slot(slot).id}"


def test_a_client_without_work_has_nothing_to_say(cluster: RollHarness) -> None:
    assert _look(cluster) == Work()
    cluster.live.nomad.running[_id(cluster, CLIENT)] = (_allocation(status="complete"), _allocation("system"))
    assert _look(cluster) == Work()


def test_a_client_whose_work_fits_nowhere_else_is_named(cluster: RollHarness) -> None:
    cluster.live.nomad.running[_id(cluster, CLIENT)] = (_allocation(),)
    name = cluster.in_slot(CLIENT).name
    assert _look(cluster) == Work(busy=(name,))
    cluster.live.nomad.free = {_id(cluster, slot): Resources(cpu_mhz=50, memory_mb=50) for slot in OTHERS}
    assert _look(cluster) == Work(busy=(name,), warnings=(ROOM,))
    assert _look(cluster, replaced=True) == Work(busy=(name,)), "its successor takes the work"


def test_where_no_client_takes_work_nothing_is_drained_and_everything_is_cut_off(cluster: RollHarness) -> None:
    batch = replace(_allocation("batch"), job="report")
    cluster.live.nomad.running[_id(cluster, CLIENT)] = (_allocation(), batch)
    for slot in OTHERS:
        cluster.live.nomad.set_ineligible(_id(cluster, slot))
    assert _look(cluster).warnings == (
        "report.web: batch work is killed",
        "shop.web: it is cut off; once Nomad misses its client, it starts where there is room",
        NOWHERE,
    )


@pytest.mark.parametrize("dynamic", [True, False])
def test_a_client_that_holds_a_host_volume_stays_unless_the_volume_is_abandoned(
    cluster: RollHarness,
    dynamic: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    client, name = _id(cluster, CLIENT), cluster.in_slot(CLIENT).name
    if dynamic:
        cluster.live.nomad.volumes[client] = ("uploads",)
    else:
        cluster.live.nomad.running[client] = (_allocation(host_volumes=("uploads",)),)
    with pytest.raises(UsageError) as caught:
        _look(cluster)
    assert caught.value.exit_code is ExitCode.USAGE
    assert caught.value.message == f"host volumes with data would be deleted with {name}"
    assert caught.value.details == f"{name}: uploads"
    assert caught.value.hint == "copy their data elsewhere first; to delete it: --abandon-volumes"
    warning = f"{name}: the data of host volume uploads is deleted with its droplet"
    assert _look(cluster, DrainPolicy(abandons_volumes=True)).warnings == (warning,)


def test_what_nomad_does_not_answer_is_said(cluster: RollHarness) -> None:
    cluster.live.nomad.failures["allocations"] = AgentError(message="Nomad refused", details="no")
    assert _look(cluster) == Work(warnings=("the work on the clients is not known: Nomad refused: no",))
