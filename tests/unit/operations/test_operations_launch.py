"""The list of the steps of a launch: complete on the page, and in the order in which a launch runs them."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bakery.errors import DeadlineError
from bakery.launch.base.model import AfterStep, Changes
from bakery.launch.converge import run
from bakery.operations import launch_cluster
from bakery.operations.launch_cluster import (
    CONSUL,
    CONVERGE,
    ENTER,
    FORM,
    NOMAD,
    PREPARE,
    SERVERS,
    SETTLE,
    FormStep,
    Step,
)
from tests.helpers.launch_harness import NAMES, LaunchHarness

PAGE = Path(__file__).parents[3] / "docs" / "architecture.md"
STEPS = [
    "own configuration", "read credentials", "first reads", "cloud", "trust check", "credentials", "snapshot",
    "user-data", "preflight", "approval", "lock", "earlier runs", "network", "droplets", "load balancer",
    "consul servers", "consul's access control", "servers", "nomad's access control", "active", "address",
    "health", "autopilot", "journal", "certificate", "way in", "direct access",
]  # fmt: skip


def test_each_step_has_a_reason() -> None:
    lists: tuple[tuple[Step[Any] | FormStep, ...], ...] = (
        PREPARE,
        CONVERGE,
        CONSUL,
        SERVERS,
        NOMAD,
        SETTLE,
        FORM,
        ENTER,
    )
    listed = [(step.name, step.reason) for steps in lists for step in steps]
    assert [name.lower() for name, _ in listed] == STEPS
    assert all(reason for _, reason in listed)


def test_the_page_on_the_architecture_has_the_steps_in_this_order() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("| step | reason |\n")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| ([A-Za-z' -]+) \| ", table, flags=re.M)
    assert [row.lower() for row in rows] == STEPS
    assert {step.name.lower() for step in CONVERGE} <= set(rows), (
        "each step that changes the account is on the page"
    )


def _noting(noted: list[str], steps: Sequence[Step[run.Launch]] = CONVERGE) -> tuple[Step[run.Launch], ...]:
    def note(step: Step[run.Launch]) -> Step[run.Launch]:
        def noted_run(work: run.Launch) -> None:
            noted.append(step.name)
            step.run(work)

        return Step(step.name, noted_run, step.reason)

    return tuple(note(step) for step in steps)


def test_the_steps_run_from_top_to_bottom(harness: LaunchHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[str] = []
    monkeypatch.setattr(launch_cluster, "CONVERGE", _noting(noted))
    monkeypatch.setattr(launch_cluster, "SERVERS", _noting(noted, SERVERS))
    monkeypatch.setattr(launch_cluster, "SETTLE", _noting(noted, SETTLE))
    harness.launch(
        consul=(AfterStep(title="Consul", run=lambda droplets: noted.append("consul's access control")),),
        nomad=(AfterStep(title="Nomad", run=lambda droplets: noted.append("nomad's access control")),),
        after=(AfterStep(title="Health", run=lambda droplets: noted.append("health")),),
    )
    assert [name.lower() for name in noted] == STEPS[STEPS.index("preflight") : STEPS.index("health") + 1]
    assert harness.cloud.slots() == NAMES


def test_consuls_access_control_waits_for_no_nomad_server(harness: LaunchHarness) -> None:
    """Until it has run, the certificate of any node suffices to bootstrap Consul's ACLs."""
    noted: list[str] = []
    harness.cloud.stuck = {"demo-nomad-server-2"}
    with pytest.raises(DeadlineError, match="demo-nomad-server-2: not active"):
        harness.launch(
            consul=(AfterStep(title="Consul", run=lambda droplets: noted.append("consul")),),
            nomad=(AfterStep(title="Nomad", run=lambda droplets: noted.append("nomad")),),
        )
    assert noted == ["consul"]


def test_only_the_first_launch_creates_the_cluster(harness: LaunchHarness) -> None:
    """Then one healthy look is enough: no droplet was ever deleted."""
    seen: list[bool] = []

    def approve(changes: Changes) -> bool:
        seen.append(changes.creates_cluster)
        return True

    harness.launch(approve=approve)
    harness.cloud.delete_droplet(min(harness.cloud.droplets))
    harness.launch(approve=approve)
    assert seen == [True, False]


def test_after_a_no_nothing_else_runs(harness: LaunchHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[str] = []
    monkeypatch.setattr(launch_cluster, "CONVERGE", _noting(noted))
    harness.launch(approve=lambda changes: False)
    assert noted == ["preflight", "approval"]
    assert harness.cloud.mutations == []
