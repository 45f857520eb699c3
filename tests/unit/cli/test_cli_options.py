"""Global options: before or after the verb, flags over the environment, one table of verbs."""

import json
from pathlib import Path

import click
import pytest

from bakery.cli.main import bakery, run
from bakery.cli.verbs import SUMMARIES

NO_VERBS = {"main", "admin"}
"""The root group, and an option that two verbs share."""
FILE = """\
version: 1
cluster: {name}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("bakery", "flag", "environment"):
        (tmp_path / f"{name}.yaml").write_text(FILE.format(name=name), encoding="utf-8")
    return tmp_path


def _cluster(capsys: pytest.CaptureFixture[str]) -> str:
    value: str = json.loads(capsys.readouterr().out)["cluster"]
    return value


@pytest.mark.parametrize(
    "arguments",
    [
        ("--json", "-f", "flag.yaml", "validate"),
        ("validate", "--json", "-f", "flag.yaml"),
        ("--json", "validate", "--cluster-file", "flag.yaml"),
        ("-f", "environment.yaml", "validate", "-f", "flag.yaml", "--json"),
    ],
)
def test_options_stand_before_or_after_the_verb(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert run(arguments) == 0
    assert _cluster(capsys) == "flag"


@pytest.mark.parametrize(
    "arguments", [("-f", "flag.yaml", "validate", "--json"), ("validate", "-f", "flag.yaml", "--json")]
)
def test_a_flag_beats_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("BAKERY_CLUSTER_FILE", "environment.yaml")
    assert run(arguments) == 0
    assert _cluster(capsys) == "flag"


def test_the_environment_beats_the_default(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BAKERY_CLUSTER_FILE", "environment.yaml")
    assert run(["validate", "--json"]) == 0
    assert _cluster(capsys) == "environment"


def test_a_hint_names_the_file_that_a_flag_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-f", "none.yaml", "plan"]) == 2
    assert capsys.readouterr().err == (
        "error: there is no cluster file none.yaml\n"
        "help: bakery init -f none.yaml writes a cluster file to start from\n"
    )


def test_bakery_alone_prints_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    streams = capsys.readouterr()
    assert streams.out.startswith("Usage: bakery [OPTIONS] COMMAND [ARGS]...\n")
    assert streams.err == ""
    for verb, summary in SUMMARIES.items():
        assert f"  {verb}" in streams.out
        assert summary.split(maxsplit=3)[0] in streams.out


@pytest.mark.parametrize("verb", SUMMARIES)
def test_every_verb_takes_the_global_options_and_explains_itself(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([verb, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"Usage: bakery {verb}" in text
    if verb != "emulator":
        for option in ("--cluster-file", "--local", "--json", "--quiet", "--verbose", "--yes", "--no-color"):
            assert option in text


def test_the_table_names_the_modules_of_the_package() -> None:
    """A verb that is a module but not in the table could not be run."""
    folder = Path(__file__).parents[3] / "src" / "bakery" / "cli"
    texts = {file.stem.replace("_", "-"): file.read_text(encoding="utf-8") for file in folder.glob("*.py")}
    commands = {name for name, text in texts.items() if "\n@click." in text} - NO_VERBS
    commands = {name for name in commands if not name.startswith("emulator-")}
    assert commands == set(SUMMARIES)


@pytest.mark.parametrize("verb", ["", "lunch", "browser_cert", "session", "main"])
def test_nothing_else_is_a_verb(verb: str) -> None:
    assert bakery.get_command(click.Context(bakery), verb) is None


@pytest.mark.parametrize("verb", SUMMARIES)
def test_help_fits_eighty_columns(
    verb: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    run([verb, "--help"])
    assert [line for line in capsys.readouterr().out.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("lunch",), "unknown command 'lunch'; did you mean launch?", "bakery --help"),
        (("--local", "xyzzy"), "unknown command 'xyzzy'", "bakery --help"),
        (("plan", "--offlin"), "no such option '--offlin'", "bakery plan --help"),
        (("launch", "--count", "many"), "invalid value for '--count'", "bakery launch --help"),
        (("render", "-o", "x"), "missing option '--role'", "bakery render --help"),
        (("completion", "tcsh"), "invalid value for '{bash|zsh|fish}'", "bakery completion --help"),
    ],
)
def test_usage_errors_have_the_shape_of_all_others(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str, hint: str
) -> None:
    assert run(arguments) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"error: {message}")
    assert lines[-1] == f"help: {hint}"
    assert run([*arguments, "--json"]) == 2
    value = json.loads(capsys.readouterr().err)
    assert value["code"] == 2
    assert value["message"].startswith(message)


def test_a_bug_is_reported_in_three_lines_and_a_private_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_arguments: object) -> None:
        message = "nobody thought of this"
        raise RuntimeError(message)

    monkeypatch.setattr("bakery.config.load.load_cluster", broken)
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    assert run(["validate"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "error: unexpected RuntimeError: nobody thought of this"
    assert lines[1].startswith("  report: ")
    assert lines[2] == "help: this is a bug in bakery; please report it with that file"
    report = Path(lines[1].removeprefix("  report: "))
    assert report.stat().st_mode & 0o777 == 0o600
    assert "nobody thought of this" in report.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("error", "code", "first"),
    [
        (
            PermissionError(13, "Permission denied", "/x"),
            2,
            "error: the operating system refused: Permission denied",
        ),
        (
            OSError(28, "No space left on device"),
            2,
            "error: the operating system refused: No space left on device",
        ),
        (KeyboardInterrupt(), 130, "error: interrupted"),
    ],
)
def test_what_the_machine_refuses_is_no_bug(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    first: str,
) -> None:
    def refuse(*_arguments: object) -> None:
        raise error

    monkeypatch.setattr("bakery.config.load.load_cluster", refuse)
    assert run(["validate"]) == code
    text = capsys.readouterr().err
    assert text.splitlines()[0] == first
    assert "Traceback" not in text


def test_local_says_which_emulator(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert (
        "--local Use the running emulator instead of DigitalOcean; BAKERY_EMULATOR names it (else: default)."
        in text
    )
