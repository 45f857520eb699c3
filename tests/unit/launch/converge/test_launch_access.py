"""The operator's new address in the firewalls of a running cluster."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from bakery.errors import UsageError
from bakery.launch.converge.access import refresh_access
from tests.helpers.launch_harness import ADMIN, LaunchHarness


def _refresh(harness: LaunchHarness, *cidrs: str) -> tuple[str, ...]:
    return refresh_access(harness.session(), harness.plan, cidrs)


ADMITTING = ["demo-consul-server", "demo-nomad-server"]
"""Firewalls with a rule for the operator; none of a Nomad client's ports is open to him."""


def _roles(names: Sequence[str]) -> list[str]:
    return sorted(name.rsplit("-", 1)[0] for name in names)


def test_only_the_firewalls_change(tmp_path: Path) -> None:
    harness = LaunchHarness(tmp_path)
    harness.launch()
    harness.cloud.revive()
    assert _roles(_refresh(harness, "203.0.113.99/32")) == ADMITTING
    assert [call.name for call in harness.cloud.mutations] == ["update_firewall"] * 2
    admitted = {a for f in harness.cloud.firewalls.values() for r in f.inbound for a in r.addresses}
    assert admitted == {"10.100.0.0/20", "203.0.113.99/32"}, "the old address is out"


def test_what_is_not_approved_does_not_change(tmp_path: Path) -> None:
    harness = LaunchHarness(tmp_path)
    harness.launch()
    harness.cloud.revive()
    shown: list[str] = []

    def refuse(names: Sequence[str]) -> bool:
        shown.extend(names)
        return False

    refresh_access(harness.session(), harness.plan, ["203.0.113.99/32"], refuse)
    assert _roles(shown) == ADMITTING
    assert harness.cloud.mutations == []


def test_the_same_address_changes_nothing(tmp_path: Path) -> None:
    harness = LaunchHarness(tmp_path)
    harness.launch()
    harness.cloud.revive()
    assert _refresh(harness, *ADMIN) == ()
    assert harness.cloud.mutations == []


def test_a_cluster_that_is_not_there_gets_no_firewalls(tmp_path: Path) -> None:
    harness = LaunchHarness(tmp_path)
    with pytest.raises(UsageError) as caught:
        _refresh(harness, *ADMIN)
    assert str(caught.value.hint) == "bakery launch"
    assert harness.cloud.mutations == []
