"""The commands of docs/change.md, run as they are written there, on agents in memory."""

import shlex
from pathlib import Path

import pytest

from tests.helpers.cli_agents import agents_cli
from tests.helpers.console_blocks import Shown, read_page
from tests.helpers.snapshot import bake

pytestmark = pytest.mark.integration

PAGE = Path(__file__).parents[2] / "docs" / "change.md"
FILE = """\
version: 1
cluster: demo
image: {consul: 1.22.5, nomad: 2.0.5}
roles:
  consul-server: {count: 3, size: s-1vcpu-1gb}
  nomad-server: {count: 3, size: s-1vcpu-1gb}
  nomad-client: {count: 3, size: s-1vcpu-1gb}
"""


def _commands() -> list[list[str]]:
    steps = read_page(PAGE.read_text(encoding="utf-8"))[""]
    return [shlex.split(step.command, comments=True)[1:] for step in steps if isinstance(step, Shown)]


def test_every_verb_that_changes_a_running_cluster_is_there() -> None:
    assert {command[0] for command in _commands()} == {"replace", "roll", "upgrade", "scale"}


def test_the_commands_run_one_after_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with agents_cli(tmp_path, monkeypatch, FILE) as cluster:
        for command in _commands():
            if command[0] in {"roll", "upgrade"}:
                bake(cluster.at.api, name=f"bakery-before-{command[0]}")  # there is something to replace
            ran = cluster.at(*command, "--yes")
            assert ran.code == 0, f"{command}: {ran.err}"
        assert len(cluster.at.droplets()) == 11
        shown = cluster.at("status", "--json")
        assert (shown.code, {tuple(each["differs"]) for each in shown.json["droplets"]}) == (0, {()})
