"""Draining before a destroy: who is drained, how long that is waited for, and what only warns."""

from dataclasses import replace

from bakery.agents.model import NomadNode
from bakery.errors import AgentError
from bakery.launch.drain import drain_clients
from tests.helpers.fake_agents import FakeClock, FakeNomad
from tests.helpers.state import Remembers


def _client(number: int, status: str = "ready") -> NomadNode:
    return NomadNode(
        id=f"id-{number}",
        name=f"demo-nomad-client-{number}",
        address=f"10.100.0.{number}",
        status=status,
        eligible=True,
        consul_version="1.22.5",
        drivers={},
    )


def test_only_the_named_are_drained_and_waited_for() -> None:
    nomad = FakeNomad(clients=(_client(1), _client(2), _client(3, status="down")))

    def finish(now: float) -> None:
        if now > 10:
            nomad.clients = tuple(replace(node, draining=False) for node in nomad.clients)

    clock, reporter = FakeClock(finish), Remembers()
    drain_clients(nomad, ["demo-nomad-client-2", "demo-nomad-client-3"], clock=clock, reporter=reporter)
    assert [call for call in nomad.calls if call.startswith("drain")] == ["drain id-2"]
    assert 10 < clock.time < 20
    assert reporter.warnings == []


def test_a_drain_that_does_not_end_names_the_node() -> None:
    reporter = Remembers()
    nomad = FakeNomad(clients=(_client(1),))
    drain_clients(nomad, ["demo-nomad-client-1"], seconds=60, clock=FakeClock(), reporter=reporter)
    assert reporter.warnings == [
        "not drained: demo-nomad-client-1 (waited 90 s for Nomad to move the work away:"
        " demo-nomad-client-1 still has work)"
    ]


def test_a_nomad_that_does_not_answer_is_a_warning() -> None:
    reporter = Remembers()
    nomad = FakeNomad(failures={"nodes": AgentError("Nomad at 192.0.2.1 cannot be reached", "timed out")})
    drain_clients(nomad, ["demo-nomad-client-1"], clock=FakeClock(), reporter=reporter)
    assert reporter.warnings == [
        "not drained: demo-nomad-client-1 (Nomad at 192.0.2.1 cannot be reached: timed out)"
    ]
