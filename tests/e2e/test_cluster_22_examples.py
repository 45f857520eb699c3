"""The examples run as the page of their folder says."""

import os

import pytest

from bakery.proc import Completed, run
from bakery.wait import Pending, wait_until
from tests.helpers.cluster_e2e import PATIENCE, ROOT, Cluster
from tests.helpers.console_blocks import Shown, read_sections

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

EXAMPLES = ROOT / "examples"
SECTIONS = read_sections((EXAMPLES / "README.md").read_text())


def execute(cluster: Cluster, shown: Shown, *, check: bool) -> Completed:
    """Run a command of the page in its folder, as a shell with ``bakery env`` does."""
    environment = {**cluster.env, "PATH": f"{cluster.tools}:{os.environ['PATH']}"}
    words = ["bash", "-euo", "pipefail", "-c", shown.command]
    return run(words, env=environment, cwd=EXAMPLES, seconds=PATIENCE, check=check, secrets=cluster.tokens)


def execute_until_promised(cluster: Cluster, shown: Shown) -> None:
    """Repeat a command until it prints the lines that the page promises."""

    def printed() -> bool | Pending:
        done = execute(cluster, shown, check=False)
        missing = shown.missing_in(done.stdout)
        return True if missing is None else Pending(f"no line {missing!r} in: {done.stdout}{done.stderr}")

    wait_until(printed, what=f"the output of {shown.command}", seconds=PATIENCE)


@pytest.mark.parametrize("title", SECTIONS)
def test_the_section_runs_as_written(cluster: Cluster, title: str) -> None:
    for shown in SECTIONS[title]:
        if shown.lines:
            execute_until_promised(cluster, shown)
        else:
            execute(cluster, shown, check=True)


def test_every_job_is_on_the_page() -> None:
    commands = " ".join(shown.command for section in SECTIONS.values() for shown in section)
    assert {file.name for file in EXAMPLES.glob("*.hcl")} <= set(commands.split())
