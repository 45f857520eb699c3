"""The Makefile as a pipeline uses it, against an emulator with droplets in memory; and the samples that use it."""

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from bakery.proc import Completed, run
from tests.helpers.cli import CliHarness
from tests.helpers.environment import clear_environment
from tests.helpers.make import CHECKOUT, MAKE, check_tour, run_tour

pytestmark = pytest.mark.integration

SAMPLES = ("github-actions.yml", "gitlab-ci.yml")
PIPELINE = {"build-image", "launch", "status", "render", "destroy"}
NAMES = ["demo-consul-server-1", "demo-nomad-client-1", "demo-nomad-client-2", "demo-nomad-server-1"]


def _make(at: CliHarness, *arguments: str) -> Completed:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("DIGITALOCEAN_", "XDG_", "BAKERY_")) or name == "HOME"
    }
    return run(
        [*MAKE, f"CLUSTER_FILE={at.folder / 'bakery.yaml'}", *arguments], env=environment, seconds=120, check=False
    )


def test_a_pipeline_from_image_to_destroy(at: CliHarness) -> None:
    found = _make(at, "build-image")
    assert found.returncode == 0, found.stderr
    assert "bakery-stand-in already has this content; nothing to bake" in found.stderr
    assert at.changing() == []

    launched = _make(at, "launch", "WAIT=active")
    assert launched.returncode == 0, launched.stderr
    assert at.droplets() == NAMES
    at.forget()
    assert _make(at, "launch", "WAIT=active").returncode == 0
    assert at.changing() == []
    assert _make(at, "launch", "WAIT=active", "ROLE=nomad-client", "COUNT=3").returncode == 0
    assert "demo-nomad-client-3" in at.droplets()

    looked = _make(at, "status")
    assert looked.returncode == 2, "droplets in memory are not healthy"
    assert "Error 7" in looked.stderr, "what bakery ended in"

    rendered = _make(at, "render", "ROLE=nomad-client", "JOIN=10.100.0.2 10.100.0.3", f"OUT={at.folder / 'out'}")
    assert rendered.returncode == 0, rendered.stderr
    assert (at.folder / "out" / "nomad-client.yaml").exists()

    gone = _make(at, "destroy")
    assert gone.returncode == 0, gone.stderr
    assert at.droplets() == []


def test_local_means_the_running_emulator(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DIGITALOCEAN_API_URL", "DIGITALOCEAN_TOKEN"):
        monkeypatch.delenv(name)
    assert "no emulator of this user is running" in _make(at, "build-image", "LOCAL=1").stderr
    at.announce()
    assert _make(at, "build-image", "LOCAL=1").returncode == 0


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_samples_are_yaml_and_use_nothing_but_targets(sample: str) -> None:
    text = (CHECKOUT / "docs" / "pipelines" / sample).read_text(encoding="utf-8")
    lines = list(_commands(yaml.safe_load(text)))
    made = [line for line in lines if line.startswith("make ")]
    assert len(made) >= 4
    targets = {
        match[1] for line in made if (match := re.fullmatch(r"make -C bakery ([a-z-]+)(?: [A-Z]+=\S+)*", line))
    }
    assert len([line for line in made if re.fullmatch(r"make -C bakery ([a-z-]+)(?: [A-Z]+=\S+)*", line)]) == len(
        made
    )
    assert targets <= PIPELINE
    assert targets >= {"build-image", "launch", "status", "destroy"}
    others = [line for line in lines if not line.startswith("make ")]
    assert all(line.startswith(("apt-get ", "install ")) for line in others), "the rest only prepares the runner"
    for line in made:
        words = line.split()[3:]
        planned = run([*MAKE, "--dry-run", *words], seconds=30)
        assert f"bakery {words[0]}" in planned.stdout


def _commands(value: object) -> Iterator[str]:
    """Every ``run`` (GitHub) and every item of a ``script`` (GitLab)."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "run":
                yield str(inner)
            elif key in ("script", "before_script"):
                yield from (str(item) for item in inner)
            else:
                yield from _commands(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _commands(inner)


def test_a_target_that_is_not_there_fails() -> None:
    """Control for the check of the samples."""
    assert run([*MAKE, "--dry-run", "lunch"], seconds=30, check=False).returncode == 2


def test_the_page_about_pipelines_names_real_targets() -> None:
    text = (CHECKOUT / "docs" / "pipelines" / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`make ([a-z-]+)`", text)) == PIPELINE


def test_help_lists_every_target_with_a_word_about_it() -> None:
    text = run([*MAKE, "help"], seconds=30).stdout
    lines = [line for line in text.splitlines() if line]
    assert {line.split()[0] for line in lines} >= PIPELINE | {"demo", "tour", "test", "toolchain"}
    assert all(len(line.split()) > 2 for line in lines)
    groups = {group.partition(":\n")[0]: group for group in text.split("\n\n")[1:]}
    assert list(groups) == [
        "The cluster, for your own pipelines",
        "Trying it, without an account",
        "Working on bakery",
    ]
    assert all(f"\n  {target} " in groups["The cluster, for your own pipelines"] for target in PIPELINE)


def test_the_tour_without_a_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``make sweep`` takes it twice in one home."""
    clear_environment(monkeypatch)
    check_tour(tmp_path)


def test_the_tour_says_when_its_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run_tour(tmp_path, TOUR_PORT=port)
    assert done.returncode == 2
    assert f"error: port {port} on 127.0.0.1 is already in use" in done.stderr
    assert list(tmp_path.glob("bakery-tour.*")) == []
