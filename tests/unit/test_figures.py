"""The figures of a sweep, and how a wait of the e2e tests takes a command that fails."""

import pytest

from bakery.errors import CommandError, DeadlineError
from bakery.wait import Pending
from tests.helpers.cluster_e2e import wait_for
from tests.sweep.figures import Figures, on_page
from tests.sweep.reliability_targets import FAULTS, TARGETS

FAULT = "rolling reboots"


def row(page: str, target: str) -> list[str]:
    """The cells of the target's one row."""
    (found,) = [line for line in page.splitlines() if line.startswith(f"| {target} |")]
    return [cell.strip() for cell in found.strip("|").split("|")]


def launches() -> Figures:
    """All of launch and destroy measured, no fault."""
    return Figures(found={target.name: "0 of 1 cases failed" for target in TARGETS})


def test_a_page_without_the_faults_says_so() -> None:
    figures = launches()

    assert figures.whole
    page = figures.page()
    assert [row(page, target.name)[2:4] for target in FAULTS] == [["-", "not measured"]] * 6
    assert row(page, "storm")[2:4] == ["0 of 1 cases failed", "met"]


def test_a_figure_stands_in_its_row() -> None:
    figures = launches()
    with figures.watch(FAULT):
        figures.tell(FAULT, "0 of 812 acknowledged writes lost")

    assert row(figures.page(), FAULT)[2:4] == ["0 of 812 acknowledged writes lost", "met"]


def test_what_ends_early_is_not_met_whatever_an_earlier_run_found() -> None:
    figures = launches()
    with pytest.raises(AssertionError), figures.watch(FAULT):
        raise AssertionError
    figures.add_earlier({FAULT: "0 of 812 acknowledged writes lost"}, {})

    assert row(figures.page(), FAULT)[2:4] == ["-", "not met"]


def test_an_earlier_failure_is_gone_once_the_bar_is_met() -> None:
    figures = launches()
    with figures.watch(FAULT):
        figures.tell(FAULT, "0 of 9 acknowledged writes lost")
    figures.add_earlier({}, {FAULT: ["DeadlineError()"]})

    assert row(figures.page(), FAULT)[3] == "met"


def test_what_a_part_has_not_measured_stays_as_the_page_has_it() -> None:
    before = launches()
    with before.watch(FAULT):
        before.tell(FAULT, "0 of 9 acknowledged writes lost")
    with pytest.raises(AssertionError), before.watch("random commands"):
        raise AssertionError
    part = Figures()
    with part.watch("storm"):
        part.tell("storm", "0 of 300 seeds failed")
    part.add_missing(*on_page(before.page()))

    page = part.page()
    assert part.whole
    assert row(page, "storm")[2:4] == ["0 of 300 seeds failed", "met"]
    assert row(page, FAULT)[2:4] == ["0 of 9 acknowledged writes lost", "met"]
    assert row(page, "random commands")[2:4] == ["-", "not met"]
    assert row(page, "nine nodes replaced")[2:4] == ["-", "not measured"]


@pytest.mark.may_sleep("nothing, but it is asked for")
def test_a_command_that_fails_is_a_reason_to_go_on_waiting() -> None:
    failures = [CommandError(message="demo-consul-server-2: consul did not end within 10 s")]

    def look() -> str | Pending:
        if failures:
            raise failures.pop()
        return "demo-consul-server-3"

    assert wait_for(look, what="a leader", seconds=5, every=0) == "demo-consul-server-3"


def test_at_the_deadline_the_error_names_the_command_and_the_culprit() -> None:
    def look() -> str | Pending:
        message = "demo-consul-server-2: consul did not end within 10 s"
        raise CommandError(message=message, command="consul members", details="connection refused")

    with pytest.raises(DeadlineError) as raised:
        wait_for(look, what="a leader", seconds=0)

    assert raised.value.message == "waited 0 s for a leader"
    assert raised.value.details == (
        "demo-consul-server-2: consul did not end within 10 s\nconsul members\nconnection refused"
    )
