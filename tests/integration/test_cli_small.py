"""A small cluster, on droplets in memory: what ``init --small`` writes, its price, and what it grows into."""

import pytest

from bakery.render.model import UserData
from tests.helpers.cli import CliHarness
from tests.helpers.cli_schemas import check_answer
from tests.helpers.rendered import json_of

pytestmark = pytest.mark.integration

ACTIVE = ("launch", "--yes", "--wait", "active")


@pytest.fixture
def at(at: CliHarness) -> CliHarness:
    assert at("init", "--small", "--force", "--cluster", "demo").code == 0
    return at


def test_one_droplet_at_18_dollars_a_month(at: CliHarness) -> None:
    shown = at("plan", "--json")
    check_answer(shown.json, "plan")
    assert shown.json["price_usd"]["total_monthly"] == 18
    assert shown.json["nodes"] == [
        {
            "name": "demo-all-in-one-1",
            "role": "all-in-one",
            "kind": "all-in-one",
            "size": "s-2vcpu-2gb",
            "wave": 1,
            "address": None,
        }
    ]


def test_the_plan_says_what_is_weaker(at: CliHarness) -> None:
    """Also as JSON. Other commands do not repeat it."""
    shared, busy, single = at("plan", "--json").json["warnings"]
    assert shared.startswith("the servers of role all-in-one run jobs: ")
    assert busy.startswith("jobs share CPU, disk and network with these servers: ")
    assert single.startswith("no high availability: demo-all-in-one-1 is the only server of Consul and Nomad; ")
    said = at("plan").err
    for warning in (shared, busy, single):
        assert f"warning: {warning}\n" in said
    assert "warning:" not in at("validate").err


def test_three_droplets_at_54_dollars_a_month(at: CliHarness) -> None:
    assert at(*ACTIVE).code == 0
    scaled = at("scale", "all-in-one=3", "--dry-run", "--json")
    check_answer(scaled.json, "changes")
    assert [line["name"] for line in scaled.json["changes"]] == ["demo-all-in-one-2", "demo-all-in-one-3"]
    file = at.folder / "bakery.yaml"
    at.write(file.read_text().replace("all-in-one:    {count: 1", "all-in-one:    {count: 3"))
    shown = at("plan", "--json").json
    assert shown["price_usd"]["total_monthly"] == 54
    assert not any("no high availability" in warning for warning in shown["warnings"])


@pytest.mark.parametrize(("how", "expect"), [(("--first",), 1), (("--join", "10.100.0.2"), None)])
def test_it_is_rendered_by_hand(at: CliHarness, how: tuple[str, ...], expect: int | None) -> None:
    """A first droplet forms a cluster of the file's one server, a later one joins."""
    assert at("render", "--role", "all-in-one", *how, "-o", "rendered").code == 0
    (file,) = at.folder.glob("rendered/*.yaml")
    rendered = UserData(name="all-in-one", text=file.read_text())
    assert "kind all-in-one" in rendered.text
    consul = json_of(rendered, "/etc/consul.d/consul.json")
    nomad = json_of(rendered, "/etc/nomad.d/client.json")
    assert (consul["server"], nomad["server"]["enabled"], nomad["client"]["enabled"]) == (True, True, True)
    assert (consul.get("bootstrap_expect"), "node_name" in consul) == (expect, False)


def test_a_role_of_clients_is_launched_beside_it(at: CliHarness) -> None:
    assert at(*ACTIVE).code == 0
    file = at.folder / "bakery.yaml"
    at.write(file.read_text().replace("\nroles:\n", "\nroles:\n  nomad-client: {count: 2}\n"))
    assert at(*ACTIVE).code == 0
    assert at.droplets() == ["demo-all-in-one-1", "demo-nomad-client-1", "demo-nomad-client-2"]
