"""Replace, roll and scale say what becomes of the work before the question, and keep a client that is busy."""

from dataclasses import replace
from pathlib import Path

import pytest

from bakery.agents.model import Allocation, Evaluation, TaskGroup
from bakery.errors import DeadlineError, ExitCode, UsageError
from bakery.launch.base.model import DrainPolicy
from bakery.launch.roll.model import RollRequest
from bakery.launch.roll.need import Because
from bakery.launch.roll.replace import Checked
from bakery.launch.roll.roll import RollPlan
from bakery.launch.roll.shrink import Shrinking, ShrinkRequest
from bakery.operations.roll_cluster import roll_cluster
from bakery.operations.scale_down import scale_down
from tests.helpers.launch_harness import IMAGE, NAMES, small_plan
from tests.helpers.roll_harness import RollHarness, roll_harness

NEWER = replace(IMAGE, id=78, name="bakery-newer", created_at="2026-11-20T00:00:00Z")
CLIENT = "demo-nomad-client-3"
ONCE = "shop.web: with count 1 it stops before its successor runs"
KEEP = DrainPolicy(abandons_volumes=True)
VERBS = ["replace", "roll", "scale"]


@pytest.fixture
def cluster(tmp_path: Path) -> RollHarness:
    cluster = roll_harness(tmp_path)
    cluster.cloud.images[NEWER.id] = NEWER
    group = TaskGroup(
        name="web", count=1, max_parallel=1, shutdown_delay_seconds=5.0, sticky_disk=False, migrates_disk=False,
        host_volumes=(), has_services=True,
    )  # fmt: skip
    web = Allocation(
        id="a", job="shop", job_type="service", status="running", desired="run", healthy=True, group=group,
        group_name="web", datacenters=("demo",),
    )  # fmt: skip
    cluster.live.nomad.running[f"id-{cluster.in_slot('nomad-client-3').id}"] = (web,)
    return cluster


def _run(cluster: RollHarness, verb: str, policy: DrainPolicy, *, agree: bool = True) -> tuple[str, ...]:
    """Run the command that removes the client, and return the warnings before its question."""
    said: list[str] = []

    def approve(found: Checked | RollPlan | Shrinking) -> bool:
        said.extend(found.work.warnings)
        return agree

    if verb == "replace":
        cluster.replace(CLIENT, approve, drain=policy)
    elif verb == "roll":
        one = cluster.request(drain=policy)
        one = replace(one, launch=replace(one.launch, image=NEWER))
        request = RollRequest(replace=one, because=frozenset(Because), roles=("nomad-client",))
        roll_cluster(cluster.session, request, approve)
    else:
        plan = small_plan()
        after = replace(plan, nodes=tuple(node for node in plan.nodes if node.name != CLIENT))
        scale_down(cluster.session, ShrinkRequest(before=plan, after=after, drain=policy), approve)
    return tuple(said)


@pytest.mark.parametrize("verb", VERBS)
def test_what_hurts_is_said_before_the_question(cluster: RollHarness, verb: str) -> None:
    assert _run(cluster, verb, DrainPolicy(), agree=False) == (ONCE,)
    assert cluster.cloud.mutations == []


@pytest.mark.parametrize("verb", VERBS)
def test_a_host_volume_is_refused_before_the_first_change(cluster: RollHarness, verb: str) -> None:
    cluster.live.nomad.volumes[f"id-{cluster.in_slot('nomad-client-3').id}"] = ("uploads",)
    with pytest.raises(UsageError, match="host volumes with data would be deleted with demo-nomad-client-3"):
        _run(cluster, verb, DrainPolicy())
    assert cluster.cloud.mutations == []
    lost = "demo-nomad-client-3: the data of host volume uploads is deleted with its droplet"
    assert _run(cluster, verb, KEEP) == (lost, ONCE)
    assert CLIENT not in cluster.cloud.names()


@pytest.mark.parametrize("verb", VERBS)
def test_a_client_stays_while_its_work_is_blocked(cluster: RollHarness, verb: str) -> None:
    """Its successors exist and are ready, and the work fits on none of them."""
    cluster.live.ends_drains = False
    client = f"id-{cluster.in_slot('nomad-client-3').id}"

    def stop_without_room() -> None:
        nomad = cluster.live.nomad
        if any(node.id == client and node.draining for node in nomad.clients):
            stopped = replace(nomad.running[client][0], status="complete", desired="stop", migrates=True)
            nomad.running[client] = (stopped,)
            nomad.evaluated["shop"] = (Evaluation(status="blocked", unplaced={"web": "cpu exhausted"}),)
        nomad.clients = tuple(
            replace(node, draining=False, last_drain="complete") if node.draining else node
            for node in nomad.clients
        )

    cluster.cloud.clock.on_sleep = stop_without_room
    with pytest.raises(DeadlineError) as caught:
        _run(cluster, verb, DrainPolicy(seconds=60))
    assert caught.value.exit_code is ExitCode.DEADLINE
    assert caught.value.details == "shop.web: its evaluation is blocked, not enough room (cpu exhausted)"
    assert CLIENT in cluster.cloud.names()
    assert next(node for node in cluster.live.nomad.clients if node.id == client).eligible
    cluster.live.nomad.evaluated.clear()  # its user has stopped the job
    _run(cluster, verb, DrainPolicy(seconds=60))
    assert CLIENT not in cluster.cloud.names()


@pytest.mark.parametrize("verb", VERBS)
def test_without_a_drain_the_work_is_cut_off(cluster: RollHarness, verb: str) -> None:
    cluster.live.ends_drains = False
    said = _run(cluster, verb, DrainPolicy(drains=False))
    assert said == ("shop.web: it is cut off; once Nomad misses its client, it starts where there is room",)
    assert not [call for call in cluster.live.nomad.calls if call.startswith("drain")]
    assert cluster.cloud.slots() == [name for name in NAMES if verb != "scale" or name != CLIENT]
