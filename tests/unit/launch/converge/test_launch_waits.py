"""Every wait of a launch and a destroy ends, names who is late and says what to do: a table written by hand."""

from collections.abc import Callable

import pytest

from bakery.cloud.model import Vpc
from bakery.errors import DeadlineError, UnauthorizedError
from tests.helpers.fake_cloud import Call, Fault, Killed
from tests.helpers.launch_harness import NAMES, LaunchHarness

NEVER = 1e6
SERVERS = "demo-consul-server-2, demo-consul-server-3, demo-nomad-server-1"
GOES_ON = "run the same command again: it continues from here"


def _no_firewall(harness: LaunchHarness) -> None:
    harness.cloud.firewall_after = NEVER
    harness.launch()


def _no_address(harness: LaunchHarness) -> None:
    harness.cloud.address_after = NEVER
    harness.launch()


def _never_active(harness: LaunchHarness) -> None:
    harness.cloud.stuck = {"demo-nomad-server-3"}
    harness.launch()


def _never_gone(harness: LaunchHarness) -> None:
    harness.launch(plan=harness.plan)
    harness.cloud.gone_after = NEVER
    harness.destroy()


def _member_that_nobody_sees(harness: LaunchHarness) -> None:
    """Another program made a database in the cluster's network."""
    harness.launch()
    harness.cloud.with_database.update(harness.cloud.vpcs)
    harness.destroy()


@pytest.mark.parametrize(
    ("run", "message", "details", "hint"),
    [
        (
            _no_firewall,
            "waited 180 s for the firewalls to be in force",
            "firewall demo-consul-server is waiting",
            GOES_ON,
        ),
        (
            _no_address,
            "demo-consul-server-1: no VPC address after 300 s",
            "demo-consul-server-1 is active",
            "run the same command again: it replaces only demo-consul-server-1",
        ),
        (
            _never_active,
            "demo-nomad-server-3: not active after 600 s",
            "demo-nomad-server-3 is new",
            "run the same command again: it replaces only demo-nomad-server-3",
        ),
        (
            _never_gone,
            "waited 300 s for the droplets to be gone",
            "demo-consul-server-1 is still there",
            GOES_ON,
        ),
        (
            _member_that_nobody_sees,
            "waited 300 s for VPC bakery-demo to be empty",
            "VPC bakery-demo: Can not delete VPC with members",
            GOES_ON,
        ),
    ],
)
def test_a_wait_that_ends_names_the_culprit(
    harness: LaunchHarness, run: Callable[[LaunchHarness], None], message: str, details: str, hint: str
) -> None:
    with pytest.raises(DeadlineError) as caught:
        run(harness)
    assert caught.value.message == message
    assert str(caught.value.details).startswith(details)
    assert caught.value.hint == hint


def test_a_deadline_that_was_scaled_is_told_as_it_was(
    harness: LaunchHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAKERY_DEADLINE_FACTOR", "2")
    with pytest.raises(DeadlineError) as caught:
        _never_active(harness)
    assert caught.value.message == "demo-nomad-server-3: not active after 1200 s"


def test_what_was_refused_for_certain_is_not_looked_for_by_the_next_run(
    harness: LaunchHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(**_: object) -> Vpc:
        message = "DigitalOcean does not allow POST /v2/vpcs"
        raise UnauthorizedError(message=message, status=403)

    with monkeypatch.context() as patch:
        patch.setattr(harness.cloud, "create_vpc", forbidden)
        with pytest.raises(UnauthorizedError):
            harness.launch()
    before = harness.cloud.clock.now()
    harness.cloud.calls.clear()
    harness.cloud.fault = lambda number, call: Fault.KILL_BEFORE if call.name == "create_vpc" else None
    with pytest.raises(Killed):
        harness.launch()
    assert harness.cloud.clock.now() == before


@pytest.mark.parametrize("fault", [Fault.KILL_BEFORE, Fault.KILL_AFTER])
def test_killed_while_it_replaces_a_droplet_no_second_one_stays_hidden(
    harness: LaunchHarness, fault: Fault
) -> None:
    """Noted as gone before it is deleted, the droplet would never be looked at again, and cost money for ever."""
    with pytest.raises(DeadlineError):
        _never_active(harness)

    def kill(number: int, call: Call) -> Fault | None:
        return fault if call.name == "delete_droplet" else None

    harness.cloud.revive()
    harness.cloud.fault = kill
    with pytest.raises(Killed):
        harness.launch()
    harness.cloud.revive()
    harness.launch()
    assert harness.cloud.slots() == NAMES
    harness.destroy()
    assert harness.cloud.names() == []
