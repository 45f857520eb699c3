"""A cluster of nine that runs in memory, and the commands that replace its nodes."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bakery import files
from bakery.cloud.model import Droplet
from bakery.launch.base import journal
from bakery.launch.base.model import AfterStep
from bakery.launch.base.session import Session
from bakery.launch.roll.model import Replaced, ReplaceRequest
from bakery.launch.roll.replace import Checked
from bakery.operations.replace_node import replace_node
from bakery.plan.model import ClusterPlan
from tests.helpers.fake_agents import FakeAgent
from tests.helpers.fake_cloud import FakeCloud, Killed
from tests.helpers.launch_harness import IMAGE, PUBLIC_KEY, SIZES, LaunchHarness, launch_request, small_plan
from tests.helpers.live_cluster import LiveCluster, runs

T = TypeVar("T")
_keys = count(1)


@dataclass
class RollHarness:
    """One operator's machine, one account, and the Consul and Nomad of its droplets."""

    harness: LaunchHarness
    live: LiveCluster
    tokens: list[str] = field(default_factory=list)
    """Names of the nodes whose tokens were written, in order."""

    @property
    def cloud(self) -> FakeCloud:
        return self.harness.cloud

    @property
    def session(self) -> Session:
        return self.harness.session(running=self.live.running)

    def launch(self, **changes: Any) -> None:  # noqa: ANN401 - fields of the request
        acls = AfterStep(title="Access control", run=lambda droplets: None, forms_cluster=True)
        self.harness.launch(running=self.live.running, after=(acls,), **changes)
        self.live.names("consul")

    def request(self, **changes: Any) -> ReplaceRequest:  # noqa: ANN401 - fields of the request
        launch = launch_request(IMAGE, key=f"{PUBLIC_KEY}-roll-{next(_keys)}", plan=self.harness.plan)
        launch = replace(launch, find_not_joined=self._not_joined)
        request = ReplaceRequest(launch=launch, write_tokens=self._write_tokens)
        return replace(request, **changes)

    def replace(
        self,
        name: str,
        approve: Callable[[Checked], bool] = lambda checked: True,
        **changes: Any,  # noqa: ANN401 - fields of the request
    ) -> Replaced | None:
        return replace_node(self.session, self.request(**changes), name, approve)

    def agent(self, product: str) -> FakeAgent:
        return self.live.consul if product == "consul" else self.live.nomad

    def leader(self, product: str) -> str:
        (name,) = [peer.name for peer in self.agent(product).raft if peer.leader]
        return name

    def voters(self, product: str) -> list[str]:
        self.live.names(product)
        return sorted(peer.name for peer in self.agent(product).raft if peer.voter)

    def in_slot(self, slot: str) -> Droplet:
        """The only droplet in the slot."""
        there = [d for d in self.cloud.droplets.values() if self.cloud.is_there(d.id)]
        (found,) = [d for d in there if f"bakery:demo:slot:{slot}" in d.tags]
        return found

    def turn_off(self, name: str) -> None:
        for number, droplet in self.cloud.droplets.items():
            if droplet.name == name and self.cloud.is_there(number):
                self.cloud.droplets[number] = replace(droplet, status="off")

    def _not_joined(self, droplets: tuple[Droplet, ...]) -> frozenset[str]:
        known = set(self.live.names("consul"))
        return frozenset(droplet.name for droplet in droplets if droplet.name not in known)

    def _write_tokens(self, plan: ClusterPlan, droplets: tuple[Droplet, ...]) -> None:
        self.tokens += [node.name for node in plan.nodes]


def roll_harness(
    folder: Path, *, lag: float = 0, plan: ClusterPlan | None = None, versions: tuple[str, str] | None = None
) -> RollHarness:
    """A cluster that has been launched, by default of nine and of the default versions; the requests so far are
    forgotten.
    """
    cloud = FakeCloud(sizes=SIZES, images={IMAGE.id: IMAGE}, lag=lag)
    harness = LaunchHarness(folder, cloud=cloud, plan=plan or small_plan())
    rolling = RollHarness(harness, LiveCluster(harness.cloud, versions={IMAGE.id: versions} if versions else {}))
    rolling.launch()
    if lag:
        harness.cloud.clock.sleep(lag)
    harness.cloud.revive()
    rolling.live.consul.calls.clear()
    rolling.live.nomad.calls.clear()
    return rolling


CHANGING = (
    "leave",
    "remove_peer",
    "force_leave",
    "transfer",
    "drain",
    "cancel_drain",
    "purge",
    "deregister",
    "delete_token",
    "set_",
)
"""Beginnings of the calls to Consul and Nomad that change something."""


@dataclass
class Death:
    """Kills the process at one of its changes: a request to the API, a call to an agent, or a journal write."""

    rolling: RollHarness
    at: int
    """The number of the change, from 1; 0 kills nothing."""
    after: bool
    """Whether the change is made before the process dies."""
    count: int = 0

    def __enter__(self) -> "Death":
        self._undo = pytest.MonkeyPatch()
        cloud = self.rolling.cloud
        for name in ("create_droplet", "delete_droplet", "create_ssh_key", "delete_ssh_key", "delete_tag"):
            self._wrap(cloud, name)
        for agent in (self.rolling.live.consul, self.rolling.live.nomad):
            self._undo.setattr(agent, "_called", partial(self._called, agent._called))
        write = files.write_atomically
        self._undo.setattr(journal, "write_atomically", lambda *a, **k: self._change(partial(write, *a, **k)))
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.undo()

    def _wrap(self, owner: object, name: str) -> None:
        call = getattr(owner, name)
        self._undo.setattr(owner, name, lambda *a, **k: self._change(partial(call, *a, **k)))

    def _called(self, called: Callable[..., None], name: str, *details: str) -> None:
        if self.rolling.cloud.dead:
            raise Killed
        if name.startswith(CHANGING):
            self._change(partial(called, name, *details))
        else:
            called(name, *details)

    def _change(self, change: Callable[[], T]) -> T:
        if self.rolling.cloud.dead:
            raise Killed
        self.count += 1
        if self.count == self.at and not self.after:
            self._die()
        done = change()
        if self.count == self.at:
            self._die()
        return done

    def _die(self) -> None:
        self.rolling.cloud.dead = True
        raise Killed


def assert_exactly_the_plan(rolling: RollHarness, case: object) -> None:
    """In each slot one droplet, and nothing of another node anywhere."""
    cloud, live = rolling.cloud, rolling.live
    assert cloud.slots() == sorted(node.slot for node in rolling.harness.plan.nodes), case
    names = cloud.names()
    assert live.names("consul") == names, case
    assert sorted(node.name for node in live.consul.catalog) == names, case
    assert live.names("nomad") == [name for name in names if runs("nomad", name)], case
    for product in ("consul", "nomad"):
        servers = [name for name in names if runs(product, name)]
        assert rolling.voters(product) == servers, case
        assert rolling.agent(product).autopilot_min_quorum == len(servers), case
    assert sorted(node.name for node in live.nomad.clients) == [
        n for n in names if "client" in n or "all-in-one" in n
    ], case
    assert all(node.eligible for node in live.nomad.clients), case
    assert cloud.ssh_keys == {}, case
    assert not [tag for tag in cloud.tags if ":replaces:" in tag], case
    now = journal.load_journal(rolling.harness.paths.journal, "demo")
    assert (now.replacing, now.leaving, now.departing, now.drained) == ((), (), (), ()), case
