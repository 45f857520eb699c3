"""A node's certificates come to their end: status warns and doctor fails before they do."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.helpers.cli import CliHarness
from tests.helpers.cli_schemas import check_answer

pytestmark = pytest.mark.integration

REMEDY = "replace it: bakery replace demo-nomad-client-1"


@pytest.fixture
def at(at: CliHarness) -> CliHarness:
    """A cluster whose certificates last 100 days. Droplets in memory have no agents: all is estimated."""
    file = at.folder / "bakery.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "security: {leaf_days: 100}\n", encoding="utf-8")
    assert at("launch", "--yes", "--wait", "active").code == 0
    return at


def age(at: CliHarness, days: float, *, tagged: bool = True) -> None:
    """Have one client's droplet made so long ago."""
    (droplet,) = [d for d in at.api.emulator.state.droplets.all() if d.name == "demo-nomad-client-1"]
    droplet.created_at = datetime.now(UTC) - timedelta(days=days)
    if not tagged:
        droplet.tags = [tag for tag in droplet.tags if ":gen:" not in tag]


def warnings(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("warning: the certificates of")]


def check_of(at: CliHarness) -> tuple[str, str, str | None]:
    ran = at("doctor", "--json")
    check_answer(ran.json, "doctor")
    (check,) = [each for each in ran.json["checks"] if each["name"] == "node certs"]
    return check["state"], check["message"], check["remedy"]


def test_status_shows_when_each_nodes_certificates_end(at: CliHarness) -> None:
    age(at, 30)
    ran = at("status", "--json")
    check_answer(ran.json, "status")
    nodes = {node["name"]: node for node in ran.json["nodes"]}
    client, server = nodes["demo-nomad-client-1"], nodes["demo-consul-server-1"]
    assert (client["certificate"]["days_left"], client["certificate"]["source"]) == (69, "estimated")
    assert (server["certificate"]["days_left"], server["generation"]) == (99, 1)
    day = f"{datetime.now(UTC) + timedelta(days=70):%Y-%m-%d}"
    (row,) = [line for line in at("status").out.splitlines() if line.startswith("demo-nomad-client-1 ")]
    assert row.split()[-2] == f"~{day}"
    assert warnings(ran.err) == []  # control


@pytest.mark.parametrize(("days", "warned", "failed"), [(79, False, False), (81, True, False), (91, True, True)])
def test_status_warns_before_doctor_fails(at: CliHarness, days: int, *, warned: bool, failed: bool) -> None:
    age(at, days)
    day = f"{datetime.now(UTC) + timedelta(days=100 - days):%Y-%m-%d}"
    clause = f"the certificates of demo-nomad-client-1 expire on {day} (in {99 - days} days, estimated)"
    assert warnings(at("status").err) == ([f"warning: {clause}; {REMEDY}"] if warned else [])
    state, message, remedy = check_of(at)
    assert (state, remedy) == ("fail" if failed else "warn" if warned else "pass", REMEDY if warned else None)
    if warned:
        assert message == clause
    else:
        assert message == f"the first to expire are those of demo-nomad-client-1, on {day} (estimated)"


def test_droplets_of_the_first_version_have_a_year(at: CliHarness) -> None:
    age(at, 200, tagged=False)
    nodes = {node["name"]: node for node in at("status", "--json").json["nodes"]}
    assert nodes["demo-nomad-client-1"]["certificate"]["days_left"] == 164
