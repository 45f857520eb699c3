"""``security.client_introduction: strict`` for users: every verb that makes clients introduces them, once."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from bakery.launch.roll.model import ReplaceRequest
from bakery.observe import health
from bakery.operations import replace_node
from tests.helpers.cli import SMALL, CliHarness
from tests.helpers.cli_agents import AgentsCli, agents_cli
from tests.helpers.live_cluster import THIEF
from tests.helpers.snapshot import bake

pytestmark = pytest.mark.integration

ROBBED = "demo-nomad-client-1"
STRICT = SMALL.replace("count: 1", "count: 3") + "security: {client_introduction: strict}\n"


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AgentsCli]:
    """Its clients have booted, and wait for their introductions."""
    with agents_cli(tmp_path, monkeypatch, STRICT, strict=True) as made:
        yield made


def registered(cluster: AgentsCli) -> list[str]:
    return sorted(client.name for client in cluster.live.nomad.clients)


def left_of_introductions(cluster: AgentsCli) -> list[str]:
    tokens = [token.grant.description for token in cluster.live.consul.tokens.values()]
    return [
        name
        for name in (*tokens, *cluster.live.consul.policies, *cluster.live.consul.keys)
        if "introduction" in name
    ]


def test_a_launch_introduces_its_clients_and_leaves_nothing_of_it(cluster: AgentsCli) -> None:
    assert registered(cluster) == []
    assert cluster.at("launch", "--yes").code == 0
    assert registered(cluster) == ["demo-nomad-client-1", "demo-nomad-client-2"]
    assert left_of_introductions(cluster) == []
    written = len([call for call in cluster.live.consul.calls if call.startswith(("put_key", "delete_"))])
    assert cluster.at("launch", "--yes").code == 0
    again = len([call for call in cluster.live.consul.calls if call.startswith(("put_key", "delete_"))])
    assert again == written, "a second launch changes nothing"


def introduced(cluster: AgentsCli, name: str) -> bool:
    """Whether the user-data of the client may read a key."""
    return any(name in each for each in left_of_introductions(cluster))


def test_a_client_that_a_thief_was_faster_than_registers_at_the_next_launch(
    cluster: AgentsCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thief deletes the key too. The launch says so, and introduces the client again."""
    monkeypatch.setitem(health.NOT_BY_WAITING, "strangers", 0.1)
    cluster.live.robbed.add(ROBBED)
    first = cluster.at("launch", "--yes", "--deadline", "3")
    assert first.code == 6
    assert f"nomad-clients: {ROBBED}: " in first.err
    assert "it has not registered at its address: another holder of its user-data may have its tokens" in first.err
    assert f"give it other tokens: bakery replace {ROBBED}" in first.err
    assert introduced(cluster, ROBBED)
    assert not introduced(cluster, "demo-nomad-client-2"), "it has registered, although the launch failed"
    second = cluster.at("launch", "--yes", "--deadline", "3")
    assert second.code == 7, "a launch does not remove the thief's client"
    assert f"Nomad client {ROBBED} at {THIEF}, which is down" in second.err
    assert registered(cluster).count(ROBBED) == 2
    replaced = cluster.at("replace", ROBBED, "--yes")
    assert replaced.code == 0, replaced.err
    again = cluster.at("launch", "--yes")
    assert again.code == 0, again.err
    assert ROBBED not in registered(cluster)
    assert left_of_introductions(cluster) == []


def test_a_replacement_whose_tokens_a_thief_has_says_so(
    cluster: AgentsCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cluster.at("launch", "--yes").code == 0
    # The default of the field is in __init__ already.
    monkeypatch.setattr(replace_node, "ReplaceRequest", partial(ReplaceRequest, fit_seconds=0.5))
    monkeypatch.setattr("bakery.launch.roll.successor.later_name", lambda slot, _: f"{slot}-abcd")
    cluster.live.robbed.add(f"{ROBBED}-abcd")
    ran = cluster.at("replace", ROBBED, "--yes")
    assert ran.code == 6
    assert f"{ROBBED}-abcd: its introduction was fetched from Consul, but it has not registered" in ran.err
    assert f"to give up: bakery destroy --node {ROBBED}-abcd" in ran.err
    assert cluster.at("destroy", "--node", f"{ROBBED}-abcd", "--yes").code == 0
    monkeypatch.setattr("bakery.launch.roll.successor.later_name", lambda slot, _: f"{slot}-cdef")
    assert cluster.at("replace", ROBBED, "--yes").code == 0
    assert f"{ROBBED}-cdef" in registered(cluster)
    assert not introduced(cluster, f"{ROBBED}-cdef"), "a replacement ends its introduction itself"


def test_scale_replace_and_roll_introduce_theirs(cluster: AgentsCli) -> None:
    assert cluster.at("launch", "--yes").code == 0
    assert cluster.at("scale", "nomad-client=3", "--yes").code == 0
    assert len(registered(cluster)) == 3
    assert cluster.at("replace", "demo-nomad-client-1", "--yes").code == 0
    (successor,) = [name for name in registered(cluster) if name.startswith("demo-nomad-client-1-")]
    bake(cluster.at.api, name="bakery-next")
    assert cluster.at("roll", "--role", "nomad-client", "--yes").code == 0
    assert len(registered(cluster)) == 3
    assert successor not in registered(cluster)
    assert cluster.at("launch", "--yes").code == 0
    assert left_of_introductions(cluster) == []


def test_a_file_for_a_role_says_how_its_nodes_become_clients(at: CliHarness) -> None:
    """Controls: a file for one node, a role without clients, and a cluster that only warns."""
    at.write(STRICT.replace("size: s-1vcpu-1gb}\nsecurity", "size: s-1vcpu-1gb, node_pool: edge}\nsecurity"))
    join = ("--join", "10.100.0.2", "-o", "out")
    ran = at("render", "--role", "nomad-client", *join)
    assert ran.code == 0
    assert "bakery nomad node intro create -node-name=NAME -node-pool=edge" in ran.err
    assert "/opt/nomad/client/intro_token.jwt, permissions 0600" in ran.err
    assert "they need security.client_introduction: warn" in ran.err
    assert "introduction.json" not in (at.folder / "out" / "nomad-client.yaml").read_text(encoding="utf-8")
    one = at("render", "--role", "nomad-client", "--node", "demo-nomad-client-1", *join)
    assert "introduction.json" in (at.folder / "out" / "demo-nomad-client-1.yaml").read_text(encoding="utf-8")
    servers = at("render", "--role", "nomad-server", *join)
    at.write(SMALL)
    for control in (one, servers, at("render", "--role", "nomad-client", *join)):
        assert control.code == 0
        assert "intro create" not in control.err
