"""What a dashboard asks of the API: little, for it may be open for days. The API admits 5,000 requests an hour."""

import pytest

from bakery.cli.invocation import Invocation
from bakery.cli.options import Settings
from bakery.operations.watch_cluster import WHOLE_LOOK_SECONDS, ClusterWatcher
from tests.helpers.cli import CliHarness
from tests.helpers.fake_agents import FakeClock

pytestmark = pytest.mark.integration


def asked(at: CliHarness) -> list[str]:
    """The paths of the requests since the last call."""
    paths = [record.path for record in at.api.emulator.requests.all() if record.path.startswith("/v2")]
    at.forget()
    return paths


def test_a_further_look_costs_one_request(at: CliHarness) -> None:
    """And everything is looked at again after five minutes: prices, snapshots, the account."""
    assert at("launch", "--yes", "--wait", "active").code == 0
    clock = FakeClock()
    watcher = ClusterWatcher(Invocation(Settings()), other_cloud=False, clock=clock)
    watcher.check()
    asked(at)
    first = watcher.look()
    whole = asked(at)
    assert "/v2/sizes" in whole
    assert first.monthly_usd == 24.0
    clock.time = 5.0
    second = watcher.look()
    assert asked(at) == ["/v2/droplets"]
    assert (second.monthly_usd, second.status.plan) == (24.0, first.status.plan)
    assert second.jobs.error != "", "nobody answers at the address of a droplet in memory"
    clock.time = WHOLE_LOOK_SECONDS + 1
    watcher.look()
    assert sorted(asked(at)) == sorted(whole)


def test_a_droplet_that_is_gone_is_gone_at_the_next_look(at: CliHarness) -> None:
    assert at("launch", "--yes", "--wait", "active").code == 0
    watcher = ClusterWatcher(Invocation(Settings()), other_cloud=False, clock=FakeClock())
    watcher.look()
    droplets = at.api.get("/v2/droplets?per_page=200").json()["droplets"]
    (gone,) = [each["id"] for each in droplets if each["name"] == "demo-nomad-client-2"]
    at.api.delete(f"/v2/droplets/{gone}")
    view = watcher.look()
    states = {node.name: node.droplet_status for node in view.status.report.nodes}
    assert states["demo-nomad-client-2"] == "absent"
    assert view.monthly_usd == 18.0
