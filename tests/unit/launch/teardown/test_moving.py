"""When a drain is done: nothing runs on the client, and what it ran is healthy on another."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bakery.agents.model import Allocation, Evaluation
from bakery.errors import AgentError, DeadlineError, ExitCode
from bakery.launch.teardown.moving import move_work
from tests.helpers.fake_agents import FakeNomad
from tests.helpers.roll_harness import RollHarness, roll_harness

SECONDS = 100
WEB = Allocation(
    id="a1", job="shop", job_type="service", status="running", desired="run", healthy=True, group_name="web"
)
STOPPED = replace(WEB, status="complete", desired="stop", migrates=True, next_id="a2")
SUCCESSOR = replace(WEB, id="a2", node_name="demo-nomad-client-1")
BATCH = replace(WEB, id="b1", job="report", job_type="batch", healthy=None, group_name="crunch")
SYSTEM = replace(WEB, id="s1", job="uptime", job_type="system")
BLOCKED = Evaluation(status="blocked", unplaced={"web": "memory exhausted on 2 clients"})


class World:
    """One client that is drained, beside others, and what Nomad has made of its work."""

    def __init__(self, cluster: RollHarness) -> None:
        self.cluster = cluster
        cluster.live.ends_drains = False
        self.nomad: FakeNomad = cluster.live.nomad
        self.node = next(each for each in self.nomad.clients if each.name == "demo-nomad-client-2")
        self.other = next(each for each in self.nomad.clients if each.name == "demo-nomad-client-1")

    def becomes(
        self, here: tuple[Allocation, ...], there: tuple[Allocation, ...] = (), *, state: str = "complete"
    ) -> None:
        """From the next pause on Nomad shows this."""

        def change() -> None:
            self.nomad.clients = tuple(
                replace(each, draining=False, last_drain=state) if each.id == self.node.id else each
                for each in self.nomad.clients
            )
            self.nomad.running = {self.node.id: here, self.other.id: there}

        self.cluster.cloud.clock.on_sleep = change

    def move(self, *before: Allocation, announced: tuple[str, ...] = ()) -> None:
        self.nomad.running = {self.node.id: before}
        move_work(self.cluster.session, self.nomad, (self.node,), SECONDS, announced)

    def fault(self, *before: Allocation) -> str:
        with pytest.raises(DeadlineError) as caught:
            self.move(*before)
        assert caught.value.exit_code is ExitCode.DEADLINE
        assert caught.value.message == (
            "the work of demo-nomad-client-2 has not moved by the drain deadline of 100 s; no client was removed"
        )
        return str(caught.value.details)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(roll_harness(tmp_path))


def test_a_healthy_successor_ends_the_wait(world: World) -> None:
    world.becomes((STOPPED, SYSTEM), (SUCCESSOR,))
    world.move(WEB, SYSTEM)
    assert world.nomad.calls.count(f"drain {world.node.id}") == 1


def _running(world: World) -> None:
    world.becomes((WEB, replace(BATCH, status="pending"), SYSTEM))


def _draining(world: World) -> None:
    world.becomes((), state="draining")


def _canceled(world: World) -> None:
    world.becomes((), state="canceled")


def _unhealthy(world: World) -> None:
    world.becomes((STOPPED,), (replace(SUCCESSOR, healthy=None),))


def _failed(world: World) -> None:
    world.becomes((STOPPED,), (replace(SUCCESSOR, status="failed", healthy=False),))


def _failed_again(world: World) -> None:
    first = replace(SUCCESSOR, status="failed", desired="stop", next_id="a3")
    world.becomes((STOPPED,), (first, replace(SUCCESSOR, id="a3", healthy=False)))


def _blocked(world: World) -> None:
    world.nomad.evaluated = {"shop": (Evaluation(status="complete", unplaced={}), BLOCKED)}
    world.becomes((replace(STOPPED, next_id=""),))


def _pending(world: World) -> None:
    world.nomad.evaluated = {"shop": (Evaluation(status="pending", unplaced={}),)}
    world.becomes((replace(STOPPED, next_id=""),))


def _silent(world: World) -> None:
    world.becomes((STOPPED,), (SUCCESSOR,))
    world.nomad.failures["job_allocations"] = AgentError(message="Nomad refused", details="no leader")


@pytest.mark.parametrize(
    ("happen", "fault"),
    [
        (_running, "demo-nomad-client-2 still runs report.crunch, shop.web"),
        (_draining, "the drain of demo-nomad-client-2 is not complete (draining)"),
        (_canceled, "the drain of demo-nomad-client-2 is not complete (canceled)"),
        (_unhealthy, "shop.web: its successor on demo-nomad-client-1 is not healthy"),
        (_failed, "shop.web: its successor on demo-nomad-client-1 has ended (failed)"),
        (_failed_again, "shop.web: its successor on demo-nomad-client-1 is not healthy"),
        (_blocked, "shop.web: its evaluation is blocked, not enough room (memory exhausted on 2 clients)"),
        (_pending, "shop.web: Nomad has not placed its successor yet"),
        (_silent, "Nomad refused: no leader"),
    ],
)
def test_what_has_not_moved_is_named(world: World, happen: Callable[[World], None], fault: str) -> None:
    """Control: with the same allocations and a healthy successor the wait ends, above."""
    happen(world)
    assert world.fault(WEB) == fault


def test_batch_work_that_ended_by_itself_is_done_and_a_job_that_was_stopped_has_no_successor(
    world: World,
) -> None:
    world.becomes((replace(BATCH, status="complete"), replace(STOPPED, next_id="")))
    world.move(BATCH, WEB)


def test_a_service_that_was_unhealthy_before_need_not_be_healthy_after(world: World) -> None:
    world.becomes((STOPPED,), (replace(SUCCESSOR, healthy=False),))
    world.move(replace(WEB, healthy=False))


def test_batch_work_that_was_killed_at_the_deadline_is_named(world: World) -> None:
    world.becomes((replace(BATCH, status="complete", desired="stop", migrates=True),))
    with pytest.raises(DeadlineError) as caught:
        world.move(BATCH)
    assert caught.value.message == (
        "Nomad killed batch work on demo-nomad-client-2 at the drain deadline of 100 s; no client was removed"
    )
    assert caught.value.details == ("report.crunch on demo-nomad-client-2: batch work was killed at the deadline")
    assert caught.value.hint == (
        "its files are on the client until it is removed; to remove it, run the same command again"
    )


KILLED = replace(BATCH, status="complete", desired="stop", migrates=True)


def test_batch_work_that_was_announced_is_killed_and_named(world: World) -> None:
    world.becomes((KILLED,))
    world.move(BATCH, announced=("report.crunch",))
    assert world.cluster.harness.reporter.warnings == [
        "report.crunch on demo-nomad-client-2: batch work was killed at the deadline, as announced"
    ]


def test_batch_work_that_was_not_announced_ends_the_drain_beside_work_that_was(world: World) -> None:
    other = replace(KILLED, id="b2", job="other")
    world.becomes((KILLED, other))
    with pytest.raises(DeadlineError) as caught:
        world.move(BATCH, replace(BATCH, id="b2", job="other"), announced=("report.crunch",))
    assert str(caught.value.details).splitlines() == [
        "other.crunch on demo-nomad-client-2: batch work was killed at the deadline",
        "report.crunch on demo-nomad-client-2: batch work was killed at the deadline",
    ]


def test_a_service_that_has_not_moved_ends_the_drain_even_if_all_batch_work_was_announced(world: World) -> None:
    world.nomad.evaluated = {"shop": (BLOCKED,)}
    world.becomes((KILLED, replace(STOPPED, next_id="")))
    with pytest.raises(DeadlineError, match="has not moved by the drain deadline"):
        world.move(BATCH, WEB, announced=("report.crunch",))


def test_the_rerun_removes_what_was_killed_and_still_waits_for_what_was_stopped(world: World) -> None:
    killed = replace(BATCH, status="complete", desired="stop", migrates=True)
    world.becomes((killed,))
    world.move(killed)
    _blocked(world)
    assert world.fault(replace(STOPPED, next_id="")).startswith("shop.web: its evaluation is blocked")
