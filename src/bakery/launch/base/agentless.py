"""A cloud whose droplets do not boot, so that nothing runs Consul or Nomad: an emulator with droplets in memory.

The API says so by a region without a metadata service (:attr:`bakery.cloud.model.Region.has_metadata`).
"""

from collections.abc import Iterable
from contextlib import suppress

from bakery.cloud.interface import Cloud
from bakery.cloud.model import Region, has_metadata
from bakery.errors import BakeryError, UsageError
from bakery.hints import Command, Hint
from bakery.launch.base.model import Obstacle
from bakery.observe.model import ClusterReport

NO_AGENTS = "droplets in memory do not boot, so no node runs Consul or Nomad"
_BOOTS = Hint("an emulator whose droplets boot (needs root): ", Command("demo"))
NO_AGENTS_CODE = "no_agents"
"""Code of the obstacle."""
_LAUNCH = Command("launch", "--wait", "active")
_ACTIVE = Hint("to create droplets, with the counts in the cluster file: ", _LAUNCH)
LAUNCH_THERE = Hint(NO_AGENTS, "; the launch that works there: ", _LAUNCH)


def asks_agents_in_vain(cloud: Cloud, region: str) -> bool:
    """Return whether droplets in the region do not boot. Sends one request; False if the API does not answer."""
    with suppress(BakeryError):
        return not has_metadata(cloud.list_regions(), region)
    return False


def none_will_answer(cloud: Cloud, region: str, report: ClusterReport) -> bool:
    """Return whether no agent answered and none ever will. Sends a request if none answered."""
    return not (report.healthy or report.answered) and asks_agents_in_vain(cloud, region)


def check_agents_exist(cloud: Cloud, region: str) -> None:
    """Check that droplets in the region boot. It sends a request, so call it only when no agent answers.

    Raises:
        UsageError: they do not.
    """
    if asks_agents_in_vain(cloud, region):
        raise UsageError(message=NO_AGENTS, hint=_BOOTS)


def agentless_obstacle(regions: Iterable[Region], slug: str) -> tuple[Obstacle, ...]:
    """Return why a launch there cannot wait for a healthy cluster, if so."""
    if has_metadata(regions, slug):
        return ()
    message = f"{NO_AGENTS}, and the cluster cannot become healthy"
    return (Obstacle(code=NO_AGENTS_CODE, message=message, hint=Hint(_ACTIVE, "; ", _BOOTS)),)
