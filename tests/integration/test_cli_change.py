"""Commands that change a running cluster: what one leaves half done, and what the next makes of it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.cli import SMALL
from tests.helpers.cli_agents import AgentsCli, agents_cli
from tests.helpers.snapshot import bake

pytestmark = pytest.mark.integration

THREE = SMALL.replace("count: 1", "count: 3")


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AgentsCli]:
    with agents_cli(tmp_path, monkeypatch, THREE) as made:
        yield made


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _journal(cluster: AgentsCli) -> str:
    return next((cluster.at.folder / ".bakery").rglob("journal.json")).read_text(encoding="utf-8")


def test_a_dry_run_does_not_end_an_interrupted_roll(cluster: AgentsCli, monkeypatch: pytest.MonkeyPatch) -> None:
    image = bake(cluster.at.api, name="bakery-next")
    with monkeypatch.context() as interrupted:
        interrupted.setattr(cluster.live.nomad, "remove_peer", _interrupt)
        assert cluster.at("roll", "--because", "image", "--yes").code == 130
    before = _journal(cluster)
    assert json.loads(before)["roll"]["image_id"] == image
    bake(cluster.at.api, name="bakery-later")
    dry = cluster.at("roll", "--role", "consul-server", "--dry-run")
    assert (dry.code, dry.out) == (0, "nothing to replace: no node of consul-server differs\n")
    assert _journal(cluster) == before
    assert cluster.at("roll", "--yes").code == 0
    droplets = cluster.at.api.get("/v2/droplets?tag_name=bakery:demo&per_page=200").json()["droplets"]
    assert {droplet["image"]["id"] for droplet in droplets} == {image}


def test_new_nodes_of_a_scale_during_a_roll_have_its_snapshot(
    cluster: AgentsCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the roll would replace them again."""
    image = bake(cluster.at.api, name="bakery-next")
    with monkeypatch.context() as interrupted:
        interrupted.setattr(cluster.live.nomad, "remove_peer", _interrupt)
        assert cluster.at("roll", "--because", "image", "--yes").code == 130
    later = bake(cluster.at.api, name="bakery-later")
    half_done = cluster.at("scale", "nomad-client=3", "--yes")
    assert half_done.code == 2
    (finish,) = [line for line in half_done.err.splitlines() if line.startswith("help: finish it first: ")]
    assert cluster.at(*finish.rpartition("bakery ")[2].split(), "--yes").code == 0
    assert cluster.at("scale", "nomad-client=3", "--yes").code == 0
    droplets = cluster.at.api.get("/v2/droplets?tag_name=bakery:demo&per_page=200").json()["droplets"]
    assert {d["image"]["id"] for d in droplets if d["name"] == "demo-nomad-client-3"} == {image}
    assert later not in {d["image"]["id"] for d in droplets}
    rolled = cluster.at("roll", "--yes", "--json")
    assert "demo-nomad-client-3" not in [each["old"] for each in rolled.json["replaced"]]


def test_a_node_that_is_alive_is_replaced_as_lost_only_after_a_warning(cluster: AgentsCli) -> None:
    dry = cluster.at("replace", "demo-nomad-client-1", "--lost", "--dry-run", "--json")
    text = "demo-nomad-client-1 is alive: without --lost its work would move first, and its servers would leave"
    assert dry.json["warnings"] == [text]
    refused = cluster.at("replace", "demo-nomad-client-1", "--lost")
    assert refused.code == 2
    assert f"  ! {text}\n" in refused.err
    assert cluster.at.changing() == []
    dead = next(d for d in cluster.at.api.emulator.state.droplets.all() if d.name == "demo-nomad-client-2")
    cluster.at.api.post(f"/v2/droplets/{dead.id}/actions", {"type": "power_off"})
    cluster.at.api.settle()
    lost = cluster.at("replace", "demo-nomad-client-2", "--lost", "--dry-run", "--json")
    assert (lost.code, lost.json["warnings"]) == (0, []), "control: it is off"


def test_no_client_is_scaled_to_twice(cluster: AgentsCli) -> None:
    first, again = (cluster.at("scale", "nomad-client=0", "--yes") for _ in range(2))
    assert (first.code, again.code) == (0, 0), again.err
    assert "nomad-client: {count: 0" in (cluster.at.folder / "bakery.yaml").read_text(encoding="utf-8")
    assert not [name for name in cluster.at.droplets() if "client" in name]
    cluster.at.forget()
    assert cluster.at("scale", "nomad-client=0", "--dry-run").code == 0
    assert cluster.at.changing() == []


def test_a_dry_run_of_a_scale_down_names_what_would_leave(cluster: AgentsCli) -> None:
    dry = cluster.at("scale", "nomad-client=1", "consul-server=2", "--dry-run", "--json")
    assert dry.json == {
        "removed": [],
        "to_remove": ["demo-consul-server-3", "demo-nomad-client-2"],
        "warnings": [],
    }
    assert "2 Consul servers can lose none" in dry.err
    ran = cluster.at("scale", "nomad-client=1", "--yes", "--json")
    assert (ran.json["removed"], ran.json["to_remove"]) == (["demo-nomad-client-2"], ["demo-nomad-client-2"])
    again = cluster.at("scale", "nomad-client=1", "--yes")
    assert (again.code, cluster.at("plan", "--exit-code").code) == (0, 0)


def test_a_launch_asks_each_server_once_for_the_leader_before_its_question(cluster: AgentsCli) -> None:
    for agent in (cluster.live.consul, cluster.live.nomad):
        agent.calls.clear()
    refused = cluster.at("launch", "--role", "nomad-client", "--count", "3")
    assert refused.code == 2, "there is no terminal to ask on"
    asked = [agent.calls.count("leader") for agent in (cluster.live.consul, cluster.live.nomad)]
    assert asked == [3, 3]


def test_no_node_is_added_or_destroyed_while_another_operator_changes_the_cluster(cluster: AgentsCli) -> None:
    consul = cluster.live.consul
    held = consul.create_session("bakery", node="demo-consul-server-1", ttl_seconds=30)
    assert consul.acquire_lock("bakery/lock", held, "bakery on laptop, /home/ann/demo/.bakery/demo")
    for command in (
        ("destroy", "--node", "demo-consul-server-3"),
        ("destroy", "--role", "nomad-client"),
        ("launch", "--role", "nomad-client", "--count", "3"),
        ("roll", "--because", "age", "--older-than", "0"),
        ("scale", "nomad-client=1"),
        ("replace", "demo-nomad-client-2"),
        ("destroy",),
    ):
        ran = cluster.at(*command, "--yes")
        assert ran.code == 5
        assert "error: another bakery changes cluster demo\n" in ran.err
        assert "bakery on laptop, /home/ann/demo/.bakery/demo" in ran.err
        assert "to stop it before its next step: bakery consul kv delete bakery/lock\n" in ran.err
    assert cluster.at.changing() == []
    consul.destroy_session(held)
    assert cluster.at("destroy", "--node", "demo-nomad-client-2", "--yes").code == 0, "control: the lock is free"
