"""Nodes whose only known server is gone are joined by a server that lives."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from bakery.errors import AgentError
from bakery.launch.base.running import Running
from bakery.launch.base.session import Session
from bakery.launch.base.stranded import STRANDED_SECONDS, Stranded
from bakery.observe.health import observe_cluster
from bakery.observe.model import ClusterReport
from tests.helpers.fake_agents import FakeCluster, healthy_cluster
from tests.helpers.fake_cloud import FakeClock, FakeCloud
from tests.helpers.state import paths_in


@dataclass
class Lab:
    folder: Path
    cluster: FakeCluster = field(default_factory=healthy_cluster)
    clock: FakeClock = field(default_factory=FakeClock)

    def stranded(self) -> Stranded:
        running = Running(clients=self.cluster.clients, tokens_of=lambda name: ())
        session = Session(
            cloud=FakeCloud(), cluster="demo", paths=paths_in(self.folder), running=running, clock=self.clock
        )
        return Stranded(session, self.cluster.plan, lambda: self.cluster.droplets)

    def report(self, *alone: str) -> ClusterReport:
        """What is observed while Consul does not know these nodes."""
        pool = self.cluster.consul.pool
        self.cluster.consul.pool = tuple(member for member in pool if member.name not in alone)
        report = observe_cluster(self.cluster.plan, self.cluster.droplets, self.cluster.clients)
        self.cluster.consul.pool = pool
        return report

    def joins(self) -> list[str]:
        return [call for call in self.cluster.consul.calls if call.startswith("join")]

    def address(self, name: str) -> str:
        return next(d.private_ipv4 or "" for d in self.cluster.droplets if d.name == name)


CLIENT = "demo-nomad-client-1"


def test_a_node_is_joined_when_it_is_overdue_and_again_later(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    stranded = lab.stranded()
    stranded.join(lab.report(CLIENT))
    lab.clock.sleep(STRANDED_SECONDS - 1)
    stranded.join(lab.report(CLIENT))
    assert lab.joins() == []

    lab.clock.sleep(1)
    stranded.join(lab.report(CLIENT))
    stranded.join(lab.report(CLIENT))
    assert lab.joins() == [f"join {lab.address(CLIENT)}"]

    lab.clock.sleep(STRANDED_SECONDS)
    stranded.join(lab.report(CLIENT))
    assert lab.joins() == [f"join {lab.address(CLIENT)}"] * 2


def test_members_and_droplets_that_do_not_run_are_left_alone(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    stranded = lab.stranded()
    lab.cluster.droplets = [
        replace(droplet, status="new") if droplet.name == CLIENT else droplet for droplet in lab.cluster.droplets
    ]
    for _ in range(3):
        stranded.join(lab.report(CLIENT))
        lab.clock.sleep(STRANDED_SECONDS)
    assert lab.joins() == []


def test_a_node_that_does_not_answer_is_no_error(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.cluster.consul.failures["join"] = AgentError(message="no", status=500)
    stranded = lab.stranded()
    stranded.join(lab.report(CLIENT))
    lab.clock.sleep(STRANDED_SECONDS)
    stranded.join(lab.report(CLIENT))
    assert lab.joins() == [f"join {lab.address(CLIENT)}"]
