"""An election at any call to Consul and Nomad: the command waits, and does the same as without it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from bakery.errors import AgentError
from bakery.launch.base.patience import ELECTION_SECONDS, LOG_SECONDS, persist
from bakery.launch.teardown.destroy_some import destroy_node
from tests.helpers.elections import COMMANDS, Command, Election, election_harness, outcome


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_a_command_waits_for_the_new_leader(tmp_path: Path, command: Command) -> None:
    """make sweep lets one begin at each call (tests/sweep/test_sweep_roll.py)."""
    whole = election_harness(tmp_path / "whole")
    with Election(whole, at=0) as undisturbed:
        command(whole)
    expected = outcome(whole)
    for number in range(1, undisturbed.count + 1, 17):
        cluster = election_harness(tmp_path / f"{number}")
        with Election(cluster, at=number):
            command(cluster)
        assert outcome(cluster) == expected, number
        assert cluster.cloud.clock.now() > whole.cloud.clock.now(), f"{number}: control, the election was met"


def test_servers_that_do_not_answer_elect_nobody_and_are_not_waited_for(tmp_path: Path) -> None:
    """A cluster behind a firewall that shuts the operator out, or whose servers are dead."""
    cluster = election_harness(tmp_path)
    for agent in (cluster.live.consul, cluster.live.nomad):
        agent.failures["leader"] = AgentError(message="the agent cannot be reached", status=0)
    before = cluster.cloud.clock.now()
    COMMANDS["destroy a client"](cluster)
    assert cluster.cloud.clock.now() - before < ELECTION_SECONDS
    for agent in (cluster.live.consul, cluster.live.nomad):
        agent.failures.clear()
        agent.leader_address = ""
    before = cluster.cloud.clock.now()
    destroy_node(cluster.session, cluster.harness.removal(), "demo-nomad-client-1", lambda removal: True)
    waited = cluster.cloud.clock.now() - before
    assert ELECTION_SECONDS <= waited < 2 * ELECTION_SECONDS, "control: without a leader it waits, and only once"


def test_what_is_refused_for_good_is_not_repeated(tmp_path: Path) -> None:
    cluster, asked = election_harness(tmp_path), []

    def refuse(status: int) -> Callable[[], None]:
        def call() -> None:
            asked.append(status)
            raise AgentError(message="Consul refused", details="Permission denied", status=status)

        return call

    for status in (400, 500):
        before = cluster.cloud.clock.now()
        with pytest.raises(AgentError, match="Consul refused"):
            persist(cluster.session, refuse(status), what="Consul to answer")
        waited = cluster.cloud.clock.now() - before
        assert waited >= ELECTION_SECONDS if status == 500 else waited == 0
    assert asked.count(400) == 1
    assert asked.count(500) > 1


def test_a_server_that_learns_the_token_late_is_asked_again(tmp_path: Path) -> None:
    """A follower that is behind in Raft's log."""
    cluster = election_harness(tmp_path)
    begun = cluster.cloud.clock.now()

    def ask(*, known_after: float) -> float:
        if cluster.cloud.clock.now() - begun < known_after:
            raise AgentError(message="Nomad refused", details="Permission denied", status=403)
        return cluster.cloud.clock.now()

    seen = persist(cluster.session, partial(ask, known_after=2.0), what="Nomad to answer")
    assert 2.0 <= seen - begun < LOG_SECONDS
    begun = cluster.cloud.clock.now()
    with pytest.raises(AgentError, match="Nomad refused"):
        persist(cluster.session, partial(ask, known_after=60.0), what="Nomad to answer")
    assert LOG_SECONDS <= cluster.cloud.clock.now() - begun < ELECTION_SECONDS, "control: other credentials"
