"""An election in the middle of a command: for seconds no server of Consul and Nomad sees a leader."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from bakery.agents.model import Allocation
from bakery.errors import AgentError
from bakery.launch.teardown.destroy_some import destroy_node
from tests.helpers.fake_agents import FakeAgent
from tests.helpers.launch_harness import plan_of
from tests.helpers.roll_crash import NEWER, scale
from tests.helpers.roll_harness import RollHarness, roll_harness

SECONDS = 4.0
LOCAL = ("leader", "members", "force_leave", "leave", "certificate")
"""Calls that an agent answers from what it knows itself."""
WORK = Allocation(
    id="a1", job="shop", job_type="service", status="running", desired="run", healthy=True, group_name="web"
)
SMALLER = {"consul-server": 3, "nomad-server": 3, "nomad-client": 1}
BEFORE = plan_of({"consul-server": 3, "nomad-server": 3, "nomad-client": 2})
CLIENT = "demo-nomad-client-2"
Command = Callable[[RollHarness], object]


def _destroy(name: str) -> Command:
    return lambda cluster: destroy_node(cluster.session, cluster.harness.removal(), name, lambda removal: True)


COMMANDS: dict[str, Command] = {
    "replace a leader of Consul": lambda cluster: cluster.replace(cluster.leader("consul")),
    "replace a leader of Nomad": lambda cluster: cluster.replace(cluster.leader("nomad")),
    "replace a client": lambda cluster: cluster.replace(CLIENT),
    "destroy a leader of Nomad": _destroy("demo-nomad-server-1"),
    "destroy a client": _destroy(CLIENT),
    "scale down": lambda cluster: scale(SMALLER, cluster),
}


def election_harness(folder: Path) -> RollHarness:
    cluster = roll_harness(folder, plan=BEFORE)
    cluster.cloud.images[NEWER.id] = NEWER
    client = next(node for node in cluster.live.nomad.clients if node.name == CLIENT)
    cluster.live.nomad.running = {client.id: (replace(WORK, node_name=CLIENT),)}
    return cluster


def outcome(cluster: RollHarness) -> dict[str, object]:
    """What a user would find afterwards."""
    calls = (*cluster.live.consul.calls, *cluster.live.nomad.calls)
    return {
        "slots": cluster.cloud.slots(),
        "voters": [len(cluster.voters(product)) for product in ("consul", "nomad")],
        "members": [len(cluster.live.names(product)) for product in ("consul", "nomad")],
        "drained": len({call for call in calls if call.startswith("drain ")}),
        "out of raft": len({call for call in calls if call.startswith(("leave ", "remove_peer"))}),
        "tokens": sorted({call for call in calls if call.startswith("delete_token")}),
        "eligible": [node.eligible for node in cluster.live.nomad.clients],
        "locks": cluster.live.consul.locks,
        "warnings": [str(line) for line in cluster.harness.reporter.warnings],
    }


@dataclass
class Election:
    """Begins at the call with the number ``at``, from 1, to Consul or Nomad; 0 begins none."""

    rolling: RollHarness
    at: int
    count: int = 0
    _ends: float = float("-inf")

    def __enter__(self) -> "Election":
        self._undo = pytest.MonkeyPatch()
        for agent in (self.rolling.live.consul, self.rolling.live.nomad):
            self._undo.setattr(agent, "leader", partial(self._leader, agent))
            self._undo.setattr(agent, "_called", partial(self._called, agent._called))
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.undo()

    @property
    def _lasts(self) -> bool:
        return self.rolling.cloud.clock.now() < self._ends

    def _leader(self, agent: FakeAgent) -> str:
        agent._called("leader")
        return "" if self._lasts else agent.leader_address

    def _called(self, called: Callable[..., None], name: str, *details: str) -> None:
        self.count += 1
        if self.count == self.at:
            self._ends = self.rolling.cloud.clock.now() + SECONDS
        if self._lasts and name not in LOCAL:
            raise AgentError(message=f"the agent refused {name} (500)", details="No cluster leader", status=500)
        called(name, *details)
