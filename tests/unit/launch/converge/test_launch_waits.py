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


def _no_firewall(bench: LaunchHarness) -> None:
    bench.cloud.firewall_after = NEVER
    bench.launch()


def _no_address(bench: LaunchHarness) -> None:
    bench.cloud.address_after = NEVER
    bench.launch()


def _never_active(bench: LaunchHarness) -> None:
    bench.cloud.stuck = {"demo-nomad-server-3"}
    bench.launch()


def _never_gone(bench: LaunchHarness) -> None:
    bench.launch(plan=bench.plan)
    bench.cloud.gone_after = NEVER
    bench.destroy()


def _member_that_nobody_sees(bench: LaunchHarness) -> None:
    """Somebody put a droplet of his own into the cluster's network."""
    bench.launch()
    vpc = next(iter(bench.cloud.vpcs))
    bench.cloud.add_droplet("mine", vpc=vpc)
    bench.destroy()


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
    bench: LaunchHarness, run: Callable[[LaunchHarness], None], message: str, details: str, hint: str
) -> None:
    with pytest.raises(DeadlineError) as caught:
        run(bench)
    assert caught.value.message == message
    assert str(caught.value.details).startswith(details)
    assert caught.value.hint == hint


def test_a_deadline_that_was_scaled_is_told_as_it_was(
    bench: LaunchHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAKERY_DEADLINE_FACTOR", "2")
    with pytest.raises(DeadlineError) as caught:
        _never_active(bench)
    assert caught.value.message == "demo-nomad-server-3: not active after 1200 s"


def test_what_was_refused_for_certain_is_not_looked_for_by_the_next_run(
    bench: LaunchHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(**_: object) -> Vpc:
        message = "DigitalOcean does not allow POST /v2/vpcs"
        raise UnauthorizedError(message=message, status=403)

    with monkeypatch.context() as patch:
        patch.setattr(bench.cloud, "create_vpc", forbidden)
        with pytest.raises(UnauthorizedError):
            bench.launch()
    before = bench.cloud.clock.now()
    bench.cloud.calls.clear()
    bench.cloud.fault = lambda number, call: Fault.KILL_BEFORE if call.name == "create_vpc" else None
    with pytest.raises(Killed):
        bench.launch()
    assert bench.cloud.clock.now() == before


@pytest.mark.parametrize("fault", [Fault.KILL_BEFORE, Fault.KILL_AFTER])
def test_killed_while_it_replaces_a_droplet_no_second_one_stays_hidden(bench: LaunchHarness, fault: Fault) -> None:
    """Noted as gone before it is deleted, the droplet would never be looked at again, and cost money for ever."""
    with pytest.raises(DeadlineError):
        _never_active(bench)

    def kill(number: int, call: Call) -> Fault | None:
        return fault if call.name == "delete_droplet" else None

    bench.cloud.revive()
    bench.cloud.fault = kill
    with pytest.raises(Killed):
        bench.launch()
    bench.cloud.revive()
    bench.launch()
    assert bench.cloud.slots() == NAMES
    bench.destroy()
    assert bench.cloud.names() == []
