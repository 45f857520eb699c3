"""``bakery emulator fault`` and ``bakery emulator requests``, against a served emulator."""

import json
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from bakery.cli.main import run
from bakery.emulator.daemon.folder import EmulatorRecord
from tests.helpers.emulated import DROPLET, TOKEN, Api, emulated

pytestmark = pytest.mark.integration


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The emulator that the commands find running."""
    with emulated() as served:
        found = EmulatorRecord(
            name="default",
            endpoint=served.url,
            token=TOKEN,
            address_url=f"{served.url}/_emulator/address",
            machines="memory",
            public_range="198.18.0.0/15",
            id="0000",
            ready=True,
        )
        monkeypatch.setattr("bakery.emulator.daemon.folder.find_running", lambda name: found)
        yield served


def bakery(*words: str) -> int:
    return run(["emulator", *words])


def test_a_fault_is_added_listed_and_cleared(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    order = ["--path", "/v2/.*", "--status", "429", "--retry-after", "2", "--probability", "0.5", "--seed", "7"]
    assert bakery("fault", "add", *order) == 0
    assert capsys.readouterr().err == "fault 1: status 429, retry_after 2, seed 7\n"
    assert bakery("fault", "add", "--action", "snapshot", "--outcome", "endless") == 0
    capsys.readouterr()

    assert bakery("fault", "list") == 0
    assert capsys.readouterr().out.splitlines() == [
        "ID  MATCHES          EFFECT                     TIMES  AFFECTED",
        "1   * /v2/.*         status 429, retry_after 2  all    0",
        "2   action snapshot  outcome endless            1      0",
    ]
    assert bakery("fault", "clear", "1") == 0
    assert [fault["id"] for fault in api.emulator.faults.all()] == [2]
    assert bakery("fault", "clear") == 0
    assert api.emulator.faults.all() == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--path", "x", "--reset"], {"reset": True}),
        (["--path", "x", "--lost-reply", "--skip", "3"], {"lost_reply": True, "skip": 3}),
        (["--path", "x", "--hang", "after"], {"hang": "after"}),
        (["--path", "x", "--stale", "5"], {"stale_s": 5.0}),
        (["--path", "x", "--delay", "0.5", "--method", "post"], {"delay_s": 0.5, "method": "POST"}),
        (["--path", "x", "--status", "502", "--html", "--times", "0"], {"status": 502, "html": True, "times": 0}),
        (["--action", "create", "--outcome", "dead"], {"action": "create", "outcome": "dead"}),
    ],
    ids=str,
)
def test_every_option_reaches_the_table(
    api: Api, words: list[str], expected: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    assert bakery("fault", "add", "--json", *words) == 0

    [entry] = api.emulator.faults.all()
    assert {name: entry[name] for name in expected} == expected
    shown = json.loads(capsys.readouterr().out)
    assert {name: shown[name] for name in expected} == expected


def test_what_makes_no_sense_is_refused_without_a_traceback(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    assert bakery("fault", "add", "--path", "(", "--status", "500") == 2
    assert "--path '(' is not a regular expression" in capsys.readouterr().err
    assert bakery("fault", "clear", "12") == 2
    assert bakery("requests", "--clear", "--stop-recording") == 2
    assert "Traceback" not in capsys.readouterr().err


def test_requests_are_shown_and_forgotten(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.get("/v2/droplets?tag_name=demo")
    api.post("/v2/droplets", {})

    assert bakery("requests") == 0
    assert capsys.readouterr().out.splitlines() == [
        "METHOD  PATH                        STATUS  APPLIED",
        "GET     /v2/droplets?tag_name=demo  200     yes",
        "POST    /v2/droplets                422     no",
    ]
    assert bakery("requests", "--json") == 0
    assert [entry["status"] for entry in json.loads(capsys.readouterr().out)["requests"]] == [200, 422]
    assert bakery("requests", "--clear") == 0
    assert api.emulator.requests.all() == []


def test_answers_are_recorded_into_a_private_file(api: Api, tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    assert bakery("requests", "--record", str(file)) == 0
    api.post("/v2/droplets", DROPLET)
    assert bakery("requests", "--stop-recording") == 0
    api.get("/v2/droplets")

    assert [json.loads(line)["status"] for line in file.read_text(encoding="utf-8").splitlines()] == [202]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert bakery("requests", "--record", str(file)) == 2  # never over a file that is there


DOCUMENTED = [
    line
    for line in (Path(__file__).parents[2] / "docs" / "emulator.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("bakery emulator fault add ")
]


@pytest.mark.parametrize("line", DOCUMENTED)
def test_the_faults_of_the_documentation_are_understood(api: Api, line: str) -> None:
    assert run(shlex.split(line)[1:]) == 0
    assert len(api.emulator.faults.all()) == 1


def test_the_documentation_has_faults() -> None:
    """Control: the lines above are really found."""
    assert len(DOCUMENTED) >= 12
