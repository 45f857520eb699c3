"""A count given by flag makes a cluster that its file does not describe: that is said, and --save writes it."""

import pexpect
import pytest

from tests.helpers.cli import BAKERY, SMALL, CliHarness
from tests.helpers.cli_schemas import check_answer

pytestmark = pytest.mark.integration

ACTIVE = ("launch", "--yes", "--wait", "active")
CLIENTS = ("--role", "nomad-client", "--count", "3")
FILE = SMALL.replace("roles:\n", "# my cluster\nroles:   # three of them\n").replace("\n", "\r\n")
SAVED = FILE.replace("nomad-client: {count: 2,", "nomad-client: {count: 3,")


@pytest.fixture
def at(at: CliHarness) -> CliHarness:
    (at.folder / "bakery.yaml").write_bytes(FILE.encode())
    assert at(*ACTIVE).code == 0
    return at


def _file(at: CliHarness) -> str:
    return (at.folder / "bakery.yaml").read_bytes().decode()


def test_a_count_that_the_file_does_not_have_is_said(at: CliHarness) -> None:
    ran = at(*ACTIVE, *CLIENTS, "--json")
    check_answer(ran.json, "launch")
    assert ran.json["saved"] is False
    assert ran.err.splitlines()[-2] == (
        "warning: bakery.yaml still has 2; set roles.nomad-client.count to 3 there, or run this again with --save"
    )
    assert _file(at) == FILE
    assert "still has" not in at(*ACTIVE, "--role", "nomad-client", "--count", "2").err, "control"


def test_save_writes_that_number_and_nothing_else(at: CliHarness) -> None:
    ran = at(*ACTIVE, *CLIENTS, "--save", "--json")
    assert (ran.code, ran.json["saved"]) == (0, True), ran.err
    assert "roles.nomad-client.count in bakery.yaml is 3 now" in ran.err.splitlines()
    assert "still has" not in ran.err
    assert _file(at) == SAVED
    assert at("plan", "--exit-code").code == 0
    at.forget()
    assert at("launch", "--wait", "active", *CLIENTS, "--save").code == 0
    assert at.changing() == []


def test_a_second_run_can_save_what_the_first_launched(at: CliHarness) -> None:
    assert at(*ACTIVE, *CLIENTS).code == 0
    at.forget()
    assert at("launch", "--wait", "active", *CLIENTS, "--save").code == 0, "nothing is created, nobody is asked"
    assert at.changing() == []
    assert _file(at) == SAVED


def test_nothing_is_written_before_the_answer(at: CliHarness) -> None:
    child = pexpect.spawn(str(BAKERY), ["launch", *CLIENTS, "--save"], encoding="utf-8", timeout=60)
    child.expect("make these changes?")
    assert _file(at) == FILE
    child.sendline("n")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 2
    assert _file(at) == FILE
    ran = at("launch", *CLIENTS, "--save", "--dry-run")
    assert ran.code == 0
    assert _file(at) == FILE


@pytest.mark.parametrize(
    ("text", "help_"),
    [
        (
            "version: 1\ncluster: demo\n",
            "add: roles: {consul-server: {count: 3}, nomad-server: {count: 3}, nomad-client: {count: 3}}",
        ),
        (SMALL.replace("nomad-client: {count: 2, ", "nomad-client: {"), "add count: 3 to roles.nomad-client"),
    ],
    ids=["no roles", "no count"],
)
def test_a_count_that_is_not_in_the_file_is_refused_before_anything_is_made(
    at: CliHarness, text: str, help_: str
) -> None:
    at.write(text)
    at.forget()
    ran = at(*ACTIVE, *CLIENTS, "--save")
    assert (ran.code, ran.err) == (
        2,
        f"error: bakery.yaml has no roles.nomad-client.count to change\nhelp: {help_}\n",
    )
    assert at.changing() == []
    assert _file(at) == text


def test_save_needs_a_count(at: CliHarness) -> None:
    ran = at(*ACTIVE, "--save")
    assert (ran.code, ran.err) == (
        2,
        "error: --save works only with --count\nhelp: bakery launch --role nomad-client --count 3 --save\n",
    )
