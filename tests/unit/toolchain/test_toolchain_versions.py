"""Versions are believed only in the exact form that the programs print."""

from pathlib import Path

import pytest

from bakery import proc
from bakery.errors import CommandError
from bakery.toolchain.model import ToolName
from bakery.toolchain.versions import (
    find_version,
    parse_cni_version,
    parse_description,
    parse_traefik_version,
    parse_version_output,
)

# First column: what the real programs print (consul 1.22.5, nomad 1.11.3, packer 1.16.0), then strangers.
ANSWERS = [
    (ToolName.CONSUL, "Consul v1.22.5\nBuild Date 1970-01-01T00:00:01Z\nProtocol 2 spoken by default\n", "1.22.5"),
    (ToolName.CONSUL, "Consul v1.22.5+ent\nRevision abc\n", "1.22.5+ent"),
    (ToolName.NOMAD, "Nomad v1.11.3\nBuildDate 2026-03-24\n", "1.11.3"),
    (ToolName.NOMAD, "Nomad v1.11.3-dev\n", "1.11.3-dev"),
    (ToolName.PACKER, "Packer v1.16.0\n\nYour version of Packer is out of date!\n", "1.16.0"),
    (ToolName.PACKER, "Nomad v1.11.3\n", None),
    (ToolName.PACKER, "packer 1.16.0\n", None),
    (ToolName.PACKER, "using v1.16.0: Packer v1.16.0\n", None),
    (ToolName.CONSUL, "", None),
]


@pytest.mark.parametrize(("name", "output", "version"), ANSWERS)
def test_the_first_line_names_tool_and_version(name: ToolName, output: str, version: str | None) -> None:
    assert parse_version_output(name, output) == version


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ('{"version":"1.4.1","api_version":"x5.0","builders":["-x-"],"datasources":["image"]}', "1.4.1"),
        ('{"version":"1.4.1-dev","datasources":["image"]}', "1.4.1-dev"),
        ('{"version":"1.4.1","datasources":[]}', None),
        ('{"version":1}', None),
        ("[1]", None),
        ("Usage: packer-plugin", None),
    ],
)
def test_a_plugin_describes_itself(output: str, version: str | None) -> None:
    assert parse_description(output) == version


def test_a_cni_plugin_says_its_own_name() -> None:
    output = "CNI bridge plugin v1.9.1\nCNI protocol versions supported: 0.1.0\n"
    assert parse_cni_version("bridge", output) == "1.9.1"
    assert parse_cni_version("portmap", output) is None
    assert parse_cni_version("bridge", "CNI bridge plugin version unknown\n") is None


def test_traefiks_version_is_in_a_table() -> None:
    output = "Version:      3.7.15\nCodename:     langres\nGo version:   go1.26.9\n"
    assert parse_traefik_version(output) == "3.7.15"
    assert parse_traefik_version("Codename: langres\nVersion: 3.7.15\n") is None
    assert parse_traefik_version("Consul v1.22.5\n") is None


def test_a_program_that_fails_has_no_version(tmp_path: Path) -> None:
    program = tmp_path / "consul"
    program.touch(mode=0o755)

    def fails(*_: object, **__: object) -> proc.Completed:
        message = "consul did not end within 20 s"
        raise CommandError(message=message)

    assert find_version(ToolName.CONSUL, program, run=fails) is None
    assert find_version(ToolName.CONSUL, tmp_path / "absent", run=fails) is None
