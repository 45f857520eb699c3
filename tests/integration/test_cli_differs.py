"""What ``plan`` and ``status`` show of a cluster that a roll would change, and what they show once it is done."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.helpers.cli_agents import AgentsCli, agents_cli
from tests.helpers.cli_schemas import check_answer
from tests.helpers.snapshot import bake

pytestmark = pytest.mark.integration

FILE = """\
version: 1
cluster: demo
roles:
  consul-server: {count: 3, size: s-1vcpu-1gb}
  nomad-server: {count: 1, size: s-1vcpu-1gb}
  nomad-client: {count: 1, size: s-1vcpu-1gb}
"""
ROLL = "to replace these one by one: bakery roll"


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AgentsCli]:
    with agents_cli(tmp_path, monkeypatch, FILE) as made:
        yield made


def _age(cluster: AgentsCli, name: str, days: int) -> None:
    state = cluster.at.api.emulator.state
    with state.lock:
        (droplet,) = [each for each in state.droplets.all() if each.name == name]
        droplet.created_at = datetime.now(UTC) - timedelta(days=days, hours=1)


def _rows(text: str, header: str) -> dict[str, list[str]]:
    """The rows of the table under the header, by their first word."""
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.split()[:2] == header.split()[:2])
    end = lines.index("", start)
    return {line.split()[0]: line.split()[1:] for line in lines[start + 1 : end]}


def test_plan_shows_what_a_roll_would_replace(cluster: AgentsCli) -> None:
    assert cluster.at("plan", "--exit-code").code == 0
    newer = bake(cluster.at.api, name="bakery-newer")
    _age(cluster, "demo-nomad-client-1", 90)
    ran = cluster.at("plan", "--exit-code")
    assert ran.code == 10, ran.err
    assert ran.out.splitlines()[-3:] == [
        "nothing to create or update; a launch does not change these differences from the plan:",
        f"    5 droplets: made from snapshot bakery-stand-in; the file asks for bakery-newer (id {newer});"
        f" only new droplets get this; {ROLL}",
        "    demo-nomad-client-1: at least 90 days old; to replace them one by one: bakery roll",
    ]
    cluster.at.forget()
    ran = cluster.at("plan", "--exit-code", "--json")
    assert (ran.code, ran.json["outcome"], len(ran.json["later"])) == (10, "differs", 2)
    assert cluster.at.changing() == []


def test_a_droplet_of_89_days_is_not_old(cluster: AgentsCli) -> None:
    """The control of the one of 90."""
    _age(cluster, "demo-nomad-client-1", 89)
    assert cluster.at("plan", "--exit-code").code == 0


def test_status_shows_old_and_new_side_by_side(cluster: AgentsCli) -> None:
    image = bake(cluster.at.api, name="bakery-newer")
    _age(cluster, "demo-nomad-client-1", 100)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cluster.live.consul, "force_leave", _interrupt)
        assert cluster.at("roll", "--role", "consul-server", "--yes").code == 130
    assert cluster.at("status").out.splitlines()[-1] == "a roll is unfinished: bakery roll"
    rows = {
        name: cells[-6:-1] for name, cells in _rows(cluster.at("status", "-o", "wide").out, "NODE ROLE").items()
    }
    news = [name for name, cells in rows.items() if cells[1] == "bakery-newer"]
    assert len(news) == 1
    assert rows[news[0]] == ["-", "bakery-newer", "1.22.5", "-", "0d"]
    assert rows["demo-nomad-client-1"] == ["image,age", "bakery-stand-in", "1.22.5", "2.0.5", "100d"]
    assert rows["demo-nomad-server-1"] == ["image", "bakery-stand-in", "1.22.5", "2.0.5", "0d"]
    ran = cluster.at("status", "--json")
    check_answer(ran.json, "status")
    assert ran.json["snapshots"]["rolling"] == image
    by_name = {droplet["name"]: droplet for droplet in ran.json["droplets"]}
    assert by_name[news[0]]["snapshot"] == {"id": image, "name": "bakery-newer"}
    assert by_name["demo-nomad-client-1"]["differs"] == ["image", "age"]
    ran = cluster.at("images", "--json")
    check_answer(ran.json, "images")
    used = {each["name"]: (each["droplets"], each["current"], each["rolling"]) for each in ran.json["images"]}
    assert used == {"bakery-stand-in": (4, False, False), "bakery-newer": (1, True, True)}
    assert {tuple(each["versions"].values()) for each in ran.json["images"]} == {("1.22.5", "2.0.5")}
    assert cluster.at("images").out.splitlines()[-1].split()[-2:] == ["yes,", "roll"]
    assert "    a roll is unfinished: bakery roll" in cluster.at("plan").out.splitlines()


def test_a_roll_back_to_an_older_snapshot(cluster: AgentsCli) -> None:
    (older,) = cluster.at("images", "--json").json["images"]
    bake(cluster.at.api, name="bakery-newer")
    unknown = cluster.at("roll", "--image", "7")
    assert unknown.code == 2
    assert unknown.err == (
        "error: no snapshot that bakery baked has the id 7\nhelp: those of this account: bakery images\n"
    )
    assert cluster.at("roll", "--role", "consul-server", "--yes").code == 0
    ran = cluster.at("roll", "--image", str(older["id"]), "--yes", "--json")
    assert ran.code == 0, ran.err
    assert len(ran.json["replaced"]) == 3
    last = "warning: launch and the next roll take bakery-newer, the newest snapshot, until it is deleted"
    assert ran.err.splitlines()[-1] == last
    assert {each["droplets"] for each in cluster.at("images", "--json").json["images"]} == {0, 5}


def test_a_broken_journal_is_a_warning_where_nothing_is_changed(cluster: AgentsCli) -> None:
    journal = cluster.at.folder / ".bakery" / "demo" / "journal.json"
    journal.write_text("{")
    for verb in ("status", "images"):
        ran = cluster.at(verb)
        assert ran.code == 0
        assert "warning: cannot read the launch journal" in ran.err


def _interrupt(name: str) -> None:
    raise KeyboardInterrupt


def test_a_new_server_with_a_lower_version_does_not_join(cluster: AgentsCli) -> None:
    bake(cluster.at.api, nomad="1.10.5", name="bakery-lower")
    cluster.at.write(FILE.replace("cluster: demo\n", "cluster: demo\nimage: {nomad: 1.10.5}\n"))
    cluster.at.forget()
    message = "demo-nomad-server-1 runs Nomad 2.0.5: servers cannot be changed back to 1.10.5"
    refused = cluster.at("scale", "nomad-server=3", "--yes")
    assert (refused.code, refused.err.splitlines()[-3]) == (2, f"error: {message}")
    assert cluster.at.changing() == []
    text = (cluster.at.folder / "bakery.yaml").read_text(encoding="utf-8")
    cluster.at.write(text.replace("nomad-server: {count: 1", "nomad-server: {count: 3"))
    ran = cluster.at("plan", "--json")
    assert (ran.code, ran.json["outcome"]) == (2, "cannot")
    assert [(each["code"], each["message"]) for each in ran.json["cannot"]] == [("version_not_allowed", message)]
    assert cluster.at("launch", "--yes").code == 2
    assert cluster.at.changing() == []
    more = text.replace("nomad-client: {count: 1", "nomad-client: {count: 2")
    cluster.at.write(more)
    assert cluster.at("plan", "--json").json["outcome"] == "changes", "the control: a client may be older"
