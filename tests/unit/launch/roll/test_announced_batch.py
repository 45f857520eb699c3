"""Batch work that runs past the drain deadline: every command that has named it before its question goes on."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bakery.agents.model import Allocation
from bakery.errors import DeadlineError
from bakery.launch.base.model import DEFAULT_DRAIN
from bakery.launch.roll.model import RollRequest
from bakery.launch.roll.need import Because
from bakery.launch.roll.shrink import ShrinkRequest
from bakery.launch.teardown.destroy_some import destroy_node
from bakery.operations.roll_cluster import roll_cluster
from bakery.operations.scale_down import scale_down
from tests.helpers.launch_harness import small_plan
from tests.helpers.roll_harness import RollHarness, roll_harness

CLIENT = "demo-nomad-client-3"
BATCH = Allocation(id="b1", job="report", job_type="batch", status="running", desired="run", group_name="crunch")
Command = Callable[[RollHarness, Callable[[], bool]], object]


class Deadline:
    """A client whose batch work Nomad kills at the deadline of its drain."""

    def __init__(self, cluster: RollHarness) -> None:
        self.cluster = cluster
        self.nomad = cluster.live.nomad
        cluster.live.ends_drains = False
        cluster.cloud.clock.on_sleep = self._pass

    def runs(self) -> bool:
        """Put the work on the client. Return True, as a user who agrees."""
        node = next(each for each in self.nomad.clients if each.name == CLIENT)
        self.nomad.running = {node.id: (BATCH,)}
        return True

    def _pass(self) -> None:
        for node in [node for node in self.nomad.clients if node.draining]:
            self.nomad.running[node.id] = tuple(
                replace(each, status="complete", desired="stop", migrates=True)
                for each in self.nomad.running.get(node.id, ())
            )
        self.nomad.end_drains()


@pytest.fixture
def deadline(tmp_path: Path) -> Deadline:
    return Deadline(roll_harness(tmp_path))


def _destroy(cluster: RollHarness, agree: Callable[[], bool]) -> None:
    destroy_node(cluster.session, cluster.harness.removal(), CLIENT, lambda removal: agree())


def _replace(cluster: RollHarness, agree: Callable[[], bool]) -> None:
    cluster.replace(CLIENT, lambda checked: agree())


def _roll(cluster: RollHarness, agree: Callable[[], bool]) -> None:
    request = RollRequest(
        replace=cluster.request(), because=frozenset({Because.AGE}), roles=("nomad-client",), oldest_days=0
    )
    roll_cluster(cluster.session, request, lambda plan: agree())


def _scale(cluster: RollHarness, agree: Callable[[], bool]) -> None:
    request = ShrinkRequest(before=small_plan(), after=small_plan(clients=2), drain=DEFAULT_DRAIN)
    scale_down(cluster.session, request, lambda found: agree())


COMMANDS = [_destroy, _replace, _roll, _scale]


@pytest.mark.parametrize("command", COMMANDS)
def test_what_was_named_before_the_question_is_killed_and_the_client_leaves(
    deadline: Deadline, command: Command
) -> None:
    deadline.runs()
    command(deadline.cluster, lambda: True)
    assert CLIENT not in deadline.cluster.cloud.names()
    text = f"report.crunch on {CLIENT}: batch work was killed at the deadline, as announced"
    assert text in deadline.cluster.harness.reporter.warnings


@pytest.mark.parametrize("command", COMMANDS)
def test_what_began_after_the_question_keeps_the_client(deadline: Deadline, command: Command) -> None:
    with pytest.raises(DeadlineError, match="Nomad killed batch work"):
        command(deadline.cluster, deadline.runs)
    assert CLIENT in deadline.cluster.cloud.names()
