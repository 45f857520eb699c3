"""The Nomad servers of a first launch know no address of each other: the launch makes them join."""

from dataclasses import dataclass, field

from bakery.errors import AgentError
from bakery.launch.acl.nomad_join import NomadJoin
from tests.helpers.fake_agents import FakeNomad

SILENT = AgentError(message="Nomad cannot be reached", status=0)


@dataclass
class Three:
    """Three servers that answer and have no leader."""

    servers: list[FakeNomad] = field(default_factory=lambda: [FakeNomad(leader_address="") for _ in range(3)])

    def join(self) -> NomadJoin:
        return NomadJoin((server, f"10.100.0.{number}") for number, server in enumerate(self.servers, 5))

    def joins(self) -> list[list[str]]:
        return [[call for call in server.calls if call.startswith("join")] for server in self.servers]


def test_the_first_that_answers_joins_the_others_once() -> None:
    three = Three()
    join = three.join()
    join.attempt()
    join.attempt()
    assert three.joins() == [["join 10.100.0.6 10.100.0.7"], [], []]


def test_a_server_that_answers_later_is_joined_then() -> None:
    three = Three()
    three.servers[2].failures["leader"] = SILENT
    join = three.join()
    join.attempt()
    del three.servers[2].failures["leader"]
    join.attempt()
    assert three.joins() == [["join 10.100.0.6", "join 10.100.0.6 10.100.0.7"], [], []]


def test_a_join_that_failed_is_tried_again() -> None:
    three = Three()
    three.servers[0].failures["join"] = SILENT
    join = three.join()
    join.attempt()
    join.attempt()
    assert three.joins()[0] == ["join 10.100.0.6 10.100.0.7"] * 2


def test_servers_with_a_leader_are_left_alone() -> None:
    three = Three()
    three.servers[1].leader_address = "10.100.0.6:4647"
    join = three.join()
    join.attempt()
    three.servers[1].leader_address = ""  # an election, a moment later: they know each other
    join.attempt()
    assert three.joins() == [[], [], []]


def test_a_server_alone_joins_nobody() -> None:
    three = Three(servers=[FakeNomad(leader_address="")])
    three.join().attempt()
    assert three.joins() == [[]]
