"""Who changed a cluster and when; the same events while it happens; and the list of all clusters."""

import json

import pytest

from tests.helpers.cli import CliHarness
from tests.helpers.cli_schemas import check_answer
from tests.helpers.emulated import TOKEN

pytestmark = pytest.mark.integration

ACTIVE = ("launch", "--yes", "--wait", "active")
NAMES = ["demo-consul-server-1", "demo-nomad-client-1", "demo-nomad-client-2", "demo-nomad-server-1"]


@pytest.fixture
def at(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> CliHarness:
    monkeypatch.setenv("SUDO_USER", "ann")
    return at


def runs(at: CliHarness, *arguments: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = at("events", "--json", *arguments).json["runs"]
    return found


def test_each_change_is_recorded_with_its_user_and_its_end(at: CliHarness) -> None:
    assert at("events").err == "no command has changed demo from here yet\n"
    assert at(*ACTIVE).code == 0
    assert at("destroy", "--node", "nowhere", "--yes").code == 2
    assert at("destroy", "--yes").code == 0
    first, refused, last = runs(at, "--all")
    assert runs(at) == [first, last], "the refused one has changed nothing"
    assert [each["changed"] for each in (first, refused, last)] == [True, False, True]
    assert (first["command"], first["outcome"], first["exit_code"]) == (f"bakery {' '.join(ACTIVE)}", "done", 0)
    assert str(first["who"]).startswith("ann@")
    states = [(each["name"], each["state"]) for each in first["nodes"]]  # type: ignore[attr-defined]
    assert sorted(name for name, state in states if state == "requested") == NAMES
    assert (refused["outcome"], refused["exit_code"]) == ("failed", 2)
    assert "nowhere" in str(refused["message"])
    assert [last["command"], last["outcome"]] == ["bakery destroy --yes", "done"]
    assert at("events").err == "left out: 1 run that changed nothing (--all shows them)\n"
    table = at("events", "--all").out.splitlines()
    assert [line.split()[0] for line in table[1:]] == [first["id"], refused["id"], last["id"]]
    assert any(line.endswith("  requested") for line in at("events", str(first["id"])).out.splitlines())
    assert runs(at, "--last", "1") == [last]
    assert at("events", "none").code == 2


def test_a_launch_that_finds_nothing_to_do_is_left_out(at: CliHarness) -> None:
    assert at(*ACTIVE).code == 0
    assert at(*ACTIVE).code == 0
    assert at("launch", "--role", "nomad-client", "--count", "2", "--save", "--yes", "--wait", "active").code == 0
    assert [run["changed"] for run in runs(at, "--all")] == [True, False, False]
    assert at("access", "refresh", "--admin-cidr", "203.0.113.7/32", "--yes").code == 0
    assert [str(run["command"]).split()[1] for run in runs(at)] == ["launch", "access"]
    quiet = runs(at, "--all")[1]
    assert at("events", str(quiet["id"])).code == 0, "by its id it can be looked at"


def test_looking_and_dry_runs_are_not_recorded(at: CliHarness) -> None:
    assert at(*ACTIVE).code == 0
    for arguments in (("status",), ("plan",), ("launch", "--dry-run"), ("destroy", "--dry-run"), ("images",)):
        at(*arguments)
    assert len(runs(at)) == 1


def test_a_refused_first_launch_leaves_no_folder(at: CliHarness) -> None:
    at.write("version: 1\ncluster: demo\nregion: nyc9\n")
    assert at(*ACTIVE).code == 2
    assert not (at.folder / ".bakery" / "demo" / "events.jsonl").exists() or (
        runs(at, "--all")[0]["outcome"] == "failed"
    )


def test_the_file_is_private_and_a_cut_off_line_is_skipped(at: CliHarness) -> None:
    assert at(*ACTIVE).code == 0
    file = at.folder / ".bakery" / "demo" / "events.jsonl"
    assert file.stat().st_mode & 0o777 == 0o600
    assert TOKEN not in file.read_text(encoding="utf-8")
    text = file.read_text(encoding="utf-8")
    file.write_text(text[: text.rindex('{"') + 20], encoding="utf-8")
    (run,) = runs(at)
    assert run["outcome"] == "not ended"
    assert at("destroy", "--yes").code == 0, "and the next run is recorded on a line of its own"


def test_a_history_that_cannot_be_written_stops_no_launch(at: CliHarness) -> None:
    assert at(*ACTIVE).code == 0
    file = at.folder / ".bakery" / "demo" / "events.jsonl"
    file.unlink()
    file.mkdir()
    ran = at(*ACTIVE)
    assert ran.code == 0
    assert ran.err.count("warning: the history of the cluster cannot be written: Is a directory") == 1


def test_events_are_lines_of_json_and_the_last_has_the_result(at: CliHarness) -> None:
    ran = at(*ACTIVE, "--events")
    assert ran.code == 0
    events = [json.loads(line) for line in ran.out.splitlines()]
    assert (events[0]["event"], events[-1]["event"]) == ("begin", "end")
    assert {each["event"] for each in events} >= {"step", "node", "note"}
    assert len({each["run"] for each in events}) == 1
    check_answer(events[-1]["result"], "launch")
    assert events[-1]["result"]["created"] == 4
    failed = at("launch", "--yes", "--role", "nobody", "--events")
    assert failed.code == 2
    last = json.loads(failed.out.splitlines()[-1])
    assert (last["event"], last["exit_code"]) == ("end", 2)
    assert json.loads(failed.err.splitlines()[-1])["code"] == 2


def test_ls_shows_clusters_of_the_account_and_of_this_folder(
    at: CliHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert at("ls").err.endswith("there is no cluster yet; to begin: bakery init\n")
    assert at(*ACTIVE).code == 0
    at.api.create(name="other-server-1", tags=["bakery:other", "bakery:other:role:server"])
    at.api.create(name="bakery-0123456789ab", tags=["bakery:build:0123456789ab"])
    at.api.settle()
    (at.folder / "bakery.yaml").unlink()
    demo, other = at("ls", "--json").json["clusters"]
    # 4 x $6: https://www.digitalocean.com/pricing/droplets
    assert (demo["name"], demo["droplets"], demo["active"], demo["monthly_usd"]) == ("demo", 4, 4, 24)
    assert (demo["credentials"], demo["regions"]) == (True, ["fra1"])
    assert (other["name"], other["droplets"], other["credentials"]) == ("other", 1, False)
    assert at("ls", "-o", "name").out == "demo\nother\n"
    monkeypatch.delenv("DIGITALOCEAN_TOKEN")
    ran = at("ls")
    assert ran.err == "no token: only the clusters that are known here are listed\n"
    assert [line.split()[:2] for line in ran.out.splitlines()] == [["CLUSTER", "DROPLETS"], ["demo", "-"]]
