"""A removed server of Nomad: every other server is asked to forget it, and all at the same time."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from bakery.agents.interface import AgentClients
from bakery.agents.model import Member
from bakery.config.model import Kind
from bakery.errors import AgentError
from bakery.launch.base.running import Running
from bakery.launch.teardown.departure import Identity, forget_in_nomad
from bakery.launch.teardown.mend import mend
from bakery.observe.gather import api_address
from tests.helpers.clusters import make_node, make_plan
from tests.helpers.fake_agents import FakeConsul, FakeNomad, make_droplet
from tests.helpers.launch_harness import LaunchHarness

GONE = Identity("demo-nomad-server-1", "10.100.0.5")
MEMBER = Member(name=GONE.name, address=GONE.address or "", status="alive")


class MeetingNomad(FakeNomad):
    """Forgets a member once all servers have been asked: a force-leave of an alive member takes six seconds."""

    met: threading.Barrier

    def force_leave(self, name: str) -> None:
        self.met.wait(timeout=10)
        super().force_leave(name)
        self.pool = ()


def servers(count: int) -> list[MeetingNomad]:
    barrier, made = threading.Barrier(count), [MeetingNomad(pool=(MEMBER,)) for _ in range(count)]
    for server in made:
        server.met = barrier
    return made


def test_all_servers_are_asked_at_the_same_time(tmp_path: Path) -> None:
    asked = servers(3)
    forget_in_nomad(LaunchHarness(tmp_path).session(), asked[0], GONE, asked)
    assert [server.pool for server in asked] == [(), (), ()]


def test_a_server_that_refuses_does_not_matter_if_the_first_does_not(tmp_path: Path) -> None:
    first, second = servers(1)[0], FakeNomad(pool=(MEMBER,))
    second.failures["force_leave"] = AgentError(message="refused", status=500)
    forget_in_nomad(LaunchHarness(tmp_path).session(), first, GONE, (first, second))
    assert first.pool == ()


def test_the_refusal_of_the_first_server_is_an_error(tmp_path: Path) -> None:
    first, second = FakeNomad(pool=(MEMBER,)), servers(1)[0]
    first.failures["force_leave"] = AgentError(message="refused", status=500)
    with pytest.raises(AgentError, match="refused"):
        forget_in_nomad(LaunchHarness(tmp_path).session(), first, GONE, (first, second))


def test_a_launch_asks_all_servers_at_the_same_time_about_a_dead_one(tmp_path: Path) -> None:
    kinds = [Kind.CONSUL_SERVER] + [Kind.NOMAD_SERVER] * 3
    nodes = tuple(make_node(kind, number) for number, kind in enumerate(kinds, 2))
    plan = replace(make_plan(), nodes=nodes)
    droplets = [make_droplet(number, node.name, node.tags) for number, node in enumerate(nodes, 11)]
    asked = dict(zip((api_address(droplet) for droplet in droplets[1:]), servers(3), strict=True))
    for server in asked.values():
        server.pool = (replace(MEMBER, status="failed"),)
    silent = FakeConsul(failures={"leader": AgentError(message="no answer", status=0)})
    clients = AgentClients(consul=lambda _: silent, nomad=asked.__getitem__, nomad_client=asked.__getitem__)
    harness = LaunchHarness(tmp_path, plan=plan)
    mend(harness.session(running=Running(clients=clients, tokens_of=lambda _: ())), plan, droplets)
    assert [server.pool for server in asked.values()] == [(), (), ()]
    assert harness.reporter.warnings == []
