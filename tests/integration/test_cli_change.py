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
    assert "2 Consul servers survive no more losses than 1" in dry.err
    ran = cluster.at("scale", "nomad-client=1", "--yes", "--json")
    assert (ran.json["removed"], ran.json["to_remove"]) == (["demo-nomad-client-2"], ["demo-nomad-client-2"])
    again = cluster.at("scale", "nomad-client=1", "--yes")
    assert (again.code, cluster.at("plan", "--exit-code").code) == (0, 0)


def test_no_node_is_added_or_destroyed_while_another_operator_changes_the_cluster(cluster: AgentsCli) -> None:
    consul = cluster.live.consul
    held = consul.create_session("bakery", node="demo-consul-server-1", ttl_seconds=30)
    assert consul.acquire_lock("bakery/lock", held, "bakery on laptop, /home/ann/demo/.bakery/demo")
    for command in (
        ("destroy", "--node", "demo-consul-server-3"),
        ("destroy", "--role", "nomad-client"),
        ("launch", "--role", "nomad-client", "--count", "3"),
    ):
        ran = cluster.at(*command, "--yes")
        assert ran.code == 5
        assert "error: another bakery changes cluster demo\n" in ran.err
        assert "bakery on laptop, /home/ann/demo/.bakery/demo" in ran.err
    assert cluster.at.changing() == []
    consul.destroy_session(held)
    assert cluster.at("destroy", "--node", "demo-nomad-client-2", "--yes").code == 0, "control: the lock is free"
