"""The same answer as table, JSON, YAML and names; tables on terminals of 80 and 120 columns."""

import re

import pexpect
import pytest
import yaml

from tests.helpers.cli import BAKERY, CliHarness
from tests.helpers.cli_schemas import check_answer

pytestmark = pytest.mark.integration

NAMES = ["demo-consul-server-1", "demo-nomad-server-1", "demo-nomad-client-1", "demo-nomad-client-2"]
ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
HUNDRED = """\
version: 1
cluster: demo
roles: {consul-server: {count: 3}, nomad-server: {count: 3}, nomad-client: {count: 94}}
"""
RED, GREEN = "\x1b[31m", "\x1b[32m"


def on_terminal(columns: int, *arguments: str, lines: int = 50) -> str:
    """What the command shows on a terminal, escapes included."""
    child = pexpect.spawn(str(BAKERY), list(arguments), encoding="utf-8", timeout=60, dimensions=(lines, columns))
    child.expect(pexpect.EOF)
    child.close()
    return str(child.before)


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("verb", ["status", "plan", "images", "doctor"])
def test_no_line_is_wider_than_the_terminal(launched: CliHarness, verb: str, columns: int) -> None:
    """But for an address: a broken one cannot be opened."""
    lines = ESCAPES.sub("", on_terminal(columns, verb)).splitlines()
    too_wide = [line.strip() for line in lines if len(line) > columns]
    assert [text for text in too_wide if " " in text or not text.startswith("https://")] == []


def test_the_plan_of_a_hundred_nodes_fits_a_small_terminal(at: CliHarness) -> None:
    at.write(HUNDRED)
    lines = ESCAPES.sub("", on_terminal(80, "plan", lines=24)).splitlines()
    assert len(lines) < 24, "the prompt takes the last"
    assert max(map(len, lines)) <= 80
    assert "nomad-client   94     s-2vcpu-2gb  2     0" in lines
    assert "also 14 firewall rules; -o wide lists them, and each node" in lines
    assert "  + droplet   94 nomad-client  s-2vcpu-2gb" in lines
    assert "104 to create, 0 to update, 0 to replace (-v lists each)" in lines


@pytest.mark.parametrize("more", [("-o", "wide"), ("-v",)])
def test_each_of_a_hundred_nodes_can_be_had(at: CliHarness, more: tuple[str, ...]) -> None:
    at.write(HUNDRED)
    on_screen = ESCAPES.sub("", on_terminal(120, "plan", *more))
    for shown in (on_screen, at("plan").out):
        assert shown.count("demo-nomad-client-94 ") == 2, "among the nodes, and among the changes"
        assert shown.count("8600/tcp,udp") == 1
        assert "lists" not in shown
    assert len(at("plan", "--json").json["nodes"]) == 100


def test_twenty_nodes_are_shown_one_by_one(at: CliHarness) -> None:
    at.write(HUNDRED.replace("94", "14"))
    assert ESCAPES.sub("", on_terminal(80, "plan")).count("demo-nomad-client-14 ") == 2
    at.write(HUNDRED.replace("94", "15"))
    assert "demo-nomad-client-14 " not in on_terminal(80, "plan")


def test_the_question_of_a_launch_is_as_short(at: CliHarness) -> None:
    at.write(HUNDRED)
    child = pexpect.spawn(str(BAKERY), ["launch"], encoding="utf-8", timeout=60, dimensions=(24, 80))
    child.expect(r"make these changes\? \[y/N\]: ")
    shown = ESCAPES.sub("", child.before)
    child.sendline("n")
    child.expect(pexpect.EOF)
    child.close()
    assert "94 nomad-client  s-2vcpu-2gb" in shown
    assert "demo-nomad-client-1" not in shown
    assert at.changing() == []


def test_what_was_left_out_is_named(launched: CliHarness) -> None:
    shown = ESCAPES.sub("", on_terminal(80, "status"))
    assert "left out: ROLE, EXPIRES, PRIVATE, VOTER (-o wide shows them)" in shown
    assert "left out" not in launched("status").err, "a pipe has no width"


def test_status_in_colour_puts_the_bad_first(launched: CliHarness) -> None:
    shown = on_terminal(120, "status")
    assert f"{RED}demo is not healthy: 0 of 4 nodes healthy, 15 of 16 conditions not met" in shown
    assert f"{RED}no\x1b[0m" in shown
    assert "next: bakery launch" in shown
    assert ESCAPES.search(on_terminal(120, "status", "--no-color")) is None


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)],
)
def test_colours_in_a_pipe_are_asked_for(
    at: CliHarness, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], *, coloured: bool
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in at("doctor").out) is coloured


def test_status_is_shown_again_until_ctrl_c(launched: CliHarness) -> None:
    child = pexpect.spawn(str(BAKERY), ["status", "--watch"], encoding="utf-8", timeout=60, dimensions=(50, 80))
    child.expect(r"\x1b\[H\x1b\[2J")
    child.expect("demo is not healthy")
    child.expect("next: bakery launch")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert "Traceback" not in child.before
    assert "stopping" not in child.before, "Ctrl-C is how it ends"
    assert child.exitstatus == 130


def test_every_format_has_the_same_answer(launched: CliHarness) -> None:
    document = launched("status", "-o", "json")
    assert document.json == launched("status", "--json").json
    as_yaml = yaml.safe_load(launched("status", "-o", "yaml").out)
    assert (as_yaml.pop("schema"), as_yaml.pop("schema_version")) == ("status", 1)
    assert as_yaml == document.json
    assert launched("status", "-o", "name").out.split() == NAMES
    assert launched("-o", "name", "images").out == "bakery-stand-in\n"
    assert launched("plan", "-o", "name", "--offline").out.split() == NAMES
    wide = launched("status", "-o", "wide").out
    assert "SNAPSHOT" in wide
    assert "SNAPSHOT" not in launched("status", "-o", "table").out
    assert "droplets                    ok" in re.sub(r"(?<=droplets) +", " " * 20, wide)


def test_chosen_columns_are_all_that_is_printed(launched: CliHarness) -> None:
    """Also where the verb prints more than one table, and where a remedy has a line of its own."""
    nodes = launched("status", "--format", "Node,Healthy", "--no-header")
    assert [line.split() for line in nodes.out.splitlines()] == [[name, "no"] for name in NAMES]
    assert launched("plan", "--offline", "--format", "Size", "--no-header").out == "s-1vcpu-1gb\n" * len(NAMES)
    checks = launched("doctor", "--format", "Help,Check").out.splitlines()
    assert checks[0].split() == ["HELP", "CHECK"]
    assert all(len(re.split(r" {2,}", line)) == 2 for line in checks)
    assert any(line.startswith("bakery status") for line in checks)
    assert "bakery-stand-in" in launched("images", "--no-header").out
    assert "NAME" not in launched("images", "--no-header").out


def test_chosen_columns_are_not_cut_on_a_terminal(launched: CliHarness) -> None:
    lines = ESCAPES.sub("", on_terminal(40, "images", "--format", "Name,Created,Regions,MinDisk")).splitlines()
    assert max(map(len, lines)) > 40
    assert "…" not in "".join(lines)


def test_an_error_is_a_document_only_where_the_answer_is(at: CliHarness) -> None:
    at.write("version: 1\nclustre: demo\n")
    assert at("plan", "-o", "yaml").err.splitlines()[-1].startswith('{"code": 2, ')
    assert at("plan", "-o", "name").err.startswith("error: ")
    assert "did you mean yaml?" in at("plan", "-o", "yml").err


def test_an_unknown_field_is_found() -> None:
    """The control: the schemas allow no field that they do not name."""
    import jsonschema

    check_answer({"cluster": "demo", "valid": True, "warnings": []}, "validate")
    with pytest.raises(jsonschema.ValidationError):
        check_answer({"cluster": "demo", "valid": True, "warnings": [], "more": 1}, "validate")
