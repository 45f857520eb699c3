"""Known vulnerabilities: ``plan`` names those of the cluster file, and so does ``doctor`` if no agent answers."""

import pytest

from tests.helpers.cli import CliHarness

pytestmark = pytest.mark.integration

FILE = "version: 1\ncluster: demo\nimage: {nomad: 1.11.3}\n"
WITHOUT = "version: 1\ncluster: demo\nimage: {consul: 2.0.3, nomad: 2.0.4}\n"
"""Versions without a known vulnerability."""


@pytest.fixture
def at(at: CliHarness) -> CliHarness:
    at.write(FILE)
    return at


def test_plan_has_one_line_for_each_product(at: CliHarness) -> None:
    ran = at("plan", "--offline")
    lines = [line for line in ran.out.splitlines() if "known vulnerabilities" in line]
    assert lines == at("plan", "--offline", "--json").json["advisories"]
    assert lines[0] == "Consul 1.22.5 has known vulnerabilities, fixed in 2.0.3: HCSEC-2026-25"
    assert lines[1].startswith("Nomad 1.11.3 has known vulnerabilities, fixed in 2.0.4: HCSEC-2026-14, ")
    at.write(WITHOUT)
    assert "known vulnerabilities" not in at("plan", "--offline").out, "control"


def test_doctor_warns_of_each(at: CliHarness) -> None:
    shown = at("doctor").out
    row = "warn     HCSEC-2026-21  Nomad 1.11.3 in the cluster file: docker tasks may mount any folder"
    assert row in shown
    assert "help: fixed in 2.0.4: https://discuss.hashicorp.com/t/hcsec-2026-21-" in shown
    at.write(WITHOUT)
    shown = " ".join(at("doctor").out.split())
    assert "pass advisories Consul 2.0.3 and Nomad 2.0.4 have no known vulnerability" in shown
