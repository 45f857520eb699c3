"""Mistyped values: the nearest one, the range in words, and flags that contradict each other."""

import io
import json
from pathlib import Path

import pytest

from bakery.cli.admin_cidrs import admin_cidrs
from bakery.cli.invocation import Invocation
from bakery.cli.main import run
from bakery.cli.options import Settings
from bakery.errors import UsageError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


ADD = "emulator fault add"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "launch --wait heathy",
            "invalid value for '--wait': 'heathy' is not healthy or active; did you mean healthy?",
        ),
        (
            "emulator up --machines memry",
            "invalid value for '--machines': 'memry' is not nspawn or memory; did you mean memory?",
        ),
        ("emulator up --machines vm", "invalid value for '--machines': 'vm' is not nspawn or memory"),
        (
            "browser-cert cnsul",
            "invalid value for '{consul|nomad}': 'cnsul' is not consul or nomad; did you mean consul?",
        ),
        ("browser-cert", "an argument is missing: give consul or nomad"),
        ("completion", "an argument is missing: give bash, zsh or fish"),
        (
            "destroy --yes --node demo-nomad-client-1 --node demo-nomad-client-2",
            "--node was given more than once (demo-nomad-client-1, demo-nomad-client-2): run this once for each",
        ),
        (
            "destroy --yes --role nomad-client --role nomad-server",
            "--role was given more than once (nomad-client, nomad-server): run this once for each",
        ),
        (
            "launch --role a --role b --count 3",
            "--role was given more than once (a, b): run this once for each",
        ),
        (
            "render --role a --role b --first -o out",
            "--role was given more than once (a, b): run this once for each",
        ),
        (
            "render --role a --node b --node c --first -o out",
            "--node was given more than once (b, c): run this once for each",
        ),
        ("launch --count abc", "invalid value for '--count': 'abc' is not a whole number from 1"),
        ("launch --count 0", "invalid value for '--count': '0' is not a whole number from 1"),
        ("emulator up --port 70000", "invalid value for '--port': '70000' is not a whole number from 1 to 65535"),
        (f"{ADD} --status 200", "invalid value for '--status': '200' is not a whole number from 400 to 599"),
        (ADD, "a fault affects either requests (--path) or actions (--action)"),
        (f"{ADD} --path x --action create", "a fault affects either requests (--path) or actions (--action)"),
        (f"{ADD} --path (", "--path '(' is not a regular expression"),
        (
            f"{ADD} --path x --outcome dead",
            "--outcome is for actions; for requests give --status",
        ),
        (f"{ADD} --path x --reset --kill after", "--reset and --kill cannot be combined"),
        (
            f"{ADD} --path x",
            "the effect is missing: give --status, --reset, --lost-reply, --hang, --kill, --stale or --delay",
        ),
        (f"{ADD} --path x --reset --html", "--html and --retry-after need --status"),
        (f"{ADD} --action create", "with --action give --outcome or --delay, and no other effect"),
        (
            f"{ADD} --action create --reset",
            "with --action give --outcome or --delay, and no other effect",
        ),
        (
            f"{ADD} --action snapshot --outcome dead",
            "--outcome dead needs an action that boots a droplet, and snapshot does not",
        ),
    ],
)
def test_own_words_and_a_way_out(capsys: pytest.CaptureFixture[str], folder: Path, line: str, said: str) -> None:
    assert run(line.split()) == 2
    first, *_, last = capsys.readouterr().err.splitlines()
    assert first.startswith(f"error: {said}")
    assert last.startswith("help: ")
    assert list(folder.iterdir()) == []


def stdin_of(text: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8")


@pytest.mark.parametrize("by_environment", [False, True])
def test_the_cluster_file_comes_from_standard_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path, *, by_environment: bool
) -> None:
    monkeypatch.setattr("sys.stdin", stdin_of("version: 1\ncluster: piped\n"))
    if by_environment:
        monkeypatch.setenv("BAKERY_CLUSTER_FILE", "-")
    assert run(["validate"] if by_environment else ["validate", "-f", "-"]) == 0
    assert capsys.readouterr().err == "standard input: valid\n"
    assert list(folder.iterdir()) == []


def test_a_problem_in_standard_input_has_its_place(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", stdin_of("version: 1\nclustre: piped\n"))
    assert run(["plan", "-f", "-", "--offline"]) == 2
    assert "--> standard input:2:1" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "a: [", "x" * 70_000], ids=["empty", "broken", "too large"])
def test_every_error_names_standard_input_the_same(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr("sys.stdin", stdin_of(text))
    assert run(["validate", "-f", "-", "--json"]) == 2
    assert json.loads(capsys.readouterr().err)["file"] == "standard input"


def test_init_prints_the_file_in_place_of_standard_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setattr("sys.stdin", stdin_of("version: 1\ncluster: piped\nroles:\n  nomad-client: {count: 3}\n"))
    assert run(["init", "-f", "-"]) == 0
    assert "cluster: " in capsys.readouterr().out
    assert list(folder.iterdir()) == []


FILE = "version: 1\ncluster: demo\naccess: {{admin_cidrs: ['{}']}}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("10.0.0.1/8", " must be auto or a network in CIDR form: the address has bits beyond its prefix"),
        ("203.0.113.7", " must be auto or a network in CIDR form: the prefix length is missing"),
        ("Auto", ' must be auto or a network in CIDR form: "Auto" is not an IP address'),
        ("0.0.0.0/0", ": 0.0.0.0/0 would open the APIs to everyone"),
        ("128.0.0.0/1", ": 128.0.0.0/1 would open the APIs to a large part of the internet"),
    ],
)
def test_the_flag_refuses_what_the_file_refuses(
    capsys: pytest.CaptureFixture[str], folder: Path, text: str, said: str
) -> None:
    (folder / "bakery.yaml").write_text(FILE.format(text))
    assert run(["validate"]) == 2
    in_file = capsys.readouterr().err
    assert f"error: access.admin_cidrs[0]{said}" in in_file
    with pytest.raises(UsageError) as caught:
        admin_cidrs(Invocation(Settings()), ("10.0.0.0/8", text))
    assert caught.value.message.startswith(f"--admin-cidr {text}{said.removeprefix(f': {text}')}")
    assert str(caught.value.hint) in in_file


def test_at_most_five_findings_of_a_kind_are_shown(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    """Every alias is one finding; a few lines of them can be hundreds."""
    aliases = "".join(f"  r{number}: *a\n" for number in range(30))
    (folder / "bakery.yaml").write_text(f"version: 1\ncluster: &a demo\nregon: fra1\nroles:\n{aliases}")
    assert run(["validate"]) == 2
    text = capsys.readouterr().err
    assert text.count("refers to another value by an alias") == 5
    assert text.count(" = and 25 more of this kind\n") == 1
    assert 'unknown key "regon"' in text
    assert "cluster has an anchor" in text
    assert text.splitlines()[-1].startswith("error: bakery.yaml has 32 problems")
    assert run(["validate", "--json"]) == 2
    assert capsys.readouterr().err.count("by an alias") == 30, "machines get them all"


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("launch --admin-cidr", "bakery launch"),
        ("--quiet launch --yes --role", "bakery launch"),
        ("emulator fault add --status", "bakery emulator fault add"),
        ("-f", "bakery"),
    ],
)
def test_a_value_that_is_missing_is_explained_by_its_own_command(
    capsys: pytest.CaptureFixture[str], line: str, path: str
) -> None:
    assert run(line.split()) == 2
    first, last = capsys.readouterr().err.splitlines()
    assert first.endswith(" requires an argument")
    assert last == f"help: {path} --help"
