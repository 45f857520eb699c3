"""``eval "$(bakery env)"; consul members``: the shell finds the cluster's own consul and nomad."""

import json
import os
import shlex
import subprocess  # noqa: TID251 - what a shell makes of the exports
from datetime import timedelta
from pathlib import Path

import pytest

from bakery.config.defaults import CONSUL_VERSION, NOMAD_VERSION
from bakery.files import file_sha256
from bakery.toolchain.model import PACKER_VERSION
from bakery.toolchain.pins import PINNED
from bakery.toolchain.release import this_platform
from tests.helpers.cli import BAKERY, SMALL, CliHarness
from tests.helpers.state import leave_operator_tokens

pytestmark = pytest.mark.integration

# Nobody answers at the addresses of droplets in memory.
NO_LEADER = "".join(
    f"warning: no {product} server sees a leader; bakery status says more\n" for product in ("Consul", "Nomad")
)
SHELLS = [shell for shell in ("bash", "dash", "zsh", "ksh") if Path(f"/usr/bin/{shell}").exists()]


@pytest.fixture
def at(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> CliHarness:
    """A launched cluster, bakery on PATH, and neither consul nor nomad anywhere."""
    monkeypatch.setenv("PATH", f"{BAKERY.parent}:/usr/bin:/bin")
    assert at("launch", "--yes", "--wait", "active").code == 0
    leave_operator_tokens(at.folder)
    return at


def program(folder: Path, name: str, version: str) -> Path:
    """One that says its version, as the real ones do, and where it is."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(f'#!/bin/sh\ncase "$1" in version) echo "{name.title()} v{version}";; *) echo "$0";; esac\n')
    file.chmod(0o755)
    return file


def cached(at: CliHarness, name: str, version: str, key: str = "abc") -> Path:
    """The program as the cache keeps what it has verified (bakery.toolchain.cache)."""
    folder = Path(os.environ["XDG_CACHE_HOME"]) / "bakery" / "toolchain" / name / f"{version}-{key}"
    file = program(folder, name, version)
    label = {"name": name, "version": version, "sha256": file_sha256(file), "origin": "release"}
    (file.parent / "tool.json").write_text(json.dumps(label))
    return file


def shell(name: str, script: str) -> str:
    done = subprocess.run([name, "-euc", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", SHELLS)
def test_the_flagship_line_finds_the_programs_in_the_cache(at: CliHarness, name: str) -> None:
    consul, nomad = cached(at, "consul", CONSUL_VERSION), cached(at, "nomad", NOMAD_VERSION)
    out = shell(name, 'eval "$(bakery env)"; consul members; nomad node status; echo "$CONSUL_HTTP_ADDR"')
    lines = out.splitlines()
    assert lines[:2] == [str(consul), str(nomad)]
    assert lines[2].startswith("https://127.64.")


def test_without_the_programs_it_says_how_to_get_them(at: CliHarness) -> None:
    ran = at("env")
    assert ran.code == 0
    assert "PATH=/" not in ran.out
    assert ran.err.startswith(
        f"{NO_LEADER}warning: not on this machine: consul {CONSUL_VERSION} and nomad {NOMAD_VERSION}; to"
    )
    assert f"-m bakery.toolchain path consul --version {CONSUL_VERSION}" in ran.err


def test_what_is_on_path_in_that_version_is_left_where_it_is(
    at: CliHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = at.folder / "own"
    program(own, "consul", CONSUL_VERSION)
    program(own, "nomad", NOMAD_VERSION)
    cached(at, "consul", CONSUL_VERSION)
    monkeypatch.setenv("PATH", f"{own}:{os.environ['PATH']}")
    ran = at("env")
    assert "export PATH" not in ran.out
    assert ran.err == NO_LEADER


def test_another_version_on_path_is_stepped_over(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the one above: with another number it is the cache's that runs."""
    own = at.folder / "own"
    program(own, "consul", "1.2.3")
    program(own, "nomad", NOMAD_VERSION)
    file = cached(at, "consul", CONSUL_VERSION)
    monkeypatch.setenv("PATH", f"{own}:{os.environ['PATH']}")
    assert shell("dash", 'eval "$(bakery env)"; consul members; nomad x').splitlines() == [
        str(file), str(own / "nomad"),
    ]  # fmt: skip


def test_a_program_that_was_changed_in_the_cache_is_not_used(at: CliHarness) -> None:
    file = cached(at, "consul", CONSUL_VERSION)
    cached(at, "nomad", NOMAD_VERSION)
    file.write_text(file.read_text() + "# changed\n")
    ran = at("env")
    assert str(file.parent) not in ran.out
    assert f"not on this machine: consul {CONSUL_VERSION};" in ran.err


def test_doctor_looks_for_the_packer_that_the_file_pins(at: CliHarness) -> None:
    archive = f"packer_{PACKER_VERSION}_{this_platform()}.zip"
    file = cached(at, "packer", PACKER_VERSION, f"release-{PINNED[archive]}")

    def programs() -> str:
        checks = at("doctor", "--json").json["checks"]
        return next(str(check["message"]) for check in checks if check["name"] == "programs")

    assert programs() == f"packer {PACKER_VERSION} at {file}", "control"
    at.write(f"{SMALL}image: {{checksums: {{{archive}: {'ab' * 32}}}}}\n")
    assert programs() == f"packer {PACKER_VERSION} is not on this machine; build-image downloads it"
    own = cached(at, "packer", PACKER_VERSION, "release-" + "ab" * 32)
    assert programs() == f"packer {PACKER_VERSION} at {own}"


@pytest.mark.parametrize("name", SHELLS)
def test_unset_takes_its_folders_out_and_keeps_what_came_since(at: CliHarness, name: str) -> None:
    cached(at, "consul", CONSUL_VERSION)
    cached(at, "nomad", NOMAD_VERSION)
    before = os.environ["PATH"]
    script = 'eval "$(bakery env)"; PATH=/added:$PATH:/last; eval "$(bakery env --unset)"; echo "$PATH"'
    assert shell(name, script) == f"/added:{before}:/last\n"
    left = shell(name, 'eval "$(bakery env)"; eval "$(bakery env --unset)"; env')
    assert [line for line in left.splitlines() if line.startswith(("CONSUL_", "NOMAD_", "BAKERY_ENV"))] == []
    assert f"PATH={before}" in left.splitlines()


@pytest.mark.parametrize("name", SHELLS)
def test_twice_is_as_once(at: CliHarness, name: str) -> None:
    cached(at, "consul", CONSUL_VERSION)
    cached(at, "nomad", NOMAD_VERSION)
    once = shell(name, 'eval "$(bakery env)"; echo "$PATH"')
    assert once != os.environ["PATH"] + "\n", "control"
    assert shell(name, 'eval "$(bakery env)"; eval "$(bakery env)"; echo "$PATH"') == once


def test_another_cluster_s_versions_replace_the_first_s(at: CliHarness) -> None:
    cached(at, "consul", CONSUL_VERSION)
    cached(at, "nomad", NOMAD_VERSION)
    file = at.folder / "bakery.yaml"
    old = cached(at, "consul", "1.22.4")
    second = 'printf "image: {consul: 1.22.4}\\n" >>bakery.yaml; eval "$(bakery env)"'
    found = shell("dash", f'eval "$(bakery env)"; {second}; consul x; echo "$PATH"').splitlines()
    assert found[0] == str(old)
    assert found[1].count("/consul/") == 1
    assert file.read_text().count("image:") == 1


def test_a_folder_with_a_space_and_a_quote(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = at.folder / "it's here"
    monkeypatch.setenv("XDG_CACHE_HOME", str(odd))
    file = cached(at, "consul", CONSUL_VERSION)
    cached(at, "nomad", NOMAD_VERSION)
    assert shell("dash", 'eval "$(bakery env)"; consul x') == f"{file}\n"
    assert shlex.quote(str(file.parent)) != str(file.parent), "control"


def test_unset_where_nothing_was_set(at: CliHarness) -> None:
    assert shell("dash", 'eval "$(bakery env --unset)"; echo "$PATH"') == os.environ["PATH"] + "\n"


def test_where_nobody_answers_a_shell_gets_no_new_tokens(at: CliHarness) -> None:
    """Tokens of an earlier run are printed while they last, as in the other tests."""
    leave_operator_tokens(at.folder, left=timedelta(hours=3))  # less than half of the time
    ran = at("env")
    assert (ran.code, ran.out) == (4, "")
    error = ran.err.removeprefix(NO_LEADER).splitlines()
    assert error[0] == "error: no Consul server of cluster demo answers"
    assert error[-1] == (
        "help: bakery status says more; if your address has changed: bakery access refresh; tokens that need no"
        " server: bakery env --management"
    )
    assert "export CONSUL_HTTP_TOKEN=" in at("env", "--management").out
