"""The list of the steps of a launch: complete on the page, and in the order in which a launch runs them."""

import re
from pathlib import Path

import pytest

from bakery.launch.base.model import AfterStep
from bakery.launch.converge import run
from bakery.operations import launch_cluster
from bakery.operations.launch_cluster import CONVERGE, FORM, PREPARE, Step
from tests.helpers.launch_harness import NAMES, LaunchHarness

PAGE = Path(__file__).parents[3] / "docs" / "architecture.md"
STEPS = [
    "own configuration", "read credentials", "cloud", "trust check", "credentials", "snapshot", "user-data",
    "preflight", "approval", "earlier runs", "network", "droplets", "active",
    "access control", "health", "autopilot",
]  # fmt: skip


def test_each_step_has_a_reason() -> None:
    prepare = [(step.name, step.reason) for step in PREPARE]
    listed = [*prepare, *((step.name, step.reason) for step in CONVERGE), *((s.name, s.reason) for s in FORM)]
    assert [name.lower() for name, _ in listed] == STEPS
    assert all(reason for _, reason in listed)


def test_the_page_on_the_architecture_has_the_steps_in_this_order() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("| step | reason |\n")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| ([A-Za-z -]+) \| ", table, flags=re.M)
    assert [row.lower() for row in rows] == STEPS
    assert {step.name for step in CONVERGE} <= set(rows), "each step that changes the account is on the page"


def _noting(noted: list[str]) -> tuple[Step[run.Launch], ...]:
    def note(step: Step[run.Launch]) -> Step[run.Launch]:
        def noted_run(work: run.Launch) -> None:
            noted.append(step.name)
            step.run(work)

        return Step(step.name, noted_run, step.reason)

    return tuple(note(step) for step in CONVERGE)


def test_the_steps_run_from_top_to_bottom(bench: LaunchHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[str] = []
    monkeypatch.setattr(launch_cluster, "CONVERGE", _noting(noted))
    bench.launch(after=(AfterStep(title="Health", run=lambda droplets: noted.append("health")),))
    assert noted == ["preflight", "approval", "earlier runs", "network", "droplets", "active", "health"]
    assert bench.cloud.slots() == NAMES


def test_after_a_no_nothing_else_runs(bench: LaunchHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[str] = []
    monkeypatch.setattr(launch_cluster, "CONVERGE", _noting(noted))
    bench.launch(approve=lambda changes: False)
    assert noted == ["preflight", "approval"]
    assert bench.cloud.mutations == []
