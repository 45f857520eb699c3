"""Global options: before or after the verb, flags over the environment, one table of verbs."""

import json
from pathlib import Path

import click
import pytest

from bakery.cli.main import bakery, run
from bakery.cli.man import contexts
from bakery.cli.signals import Terminated
from bakery.cli.start import SECTIONS
from bakery.cli.verbs import SUMMARIES

NO_VERBS = {"main", "admin", "credentials-at-rest"}
"""The root group, an option that two verbs share, and subcommands of a verb."""
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


def test_bakery_alone_prints_the_first_commands_on_one_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    streams = capsys.readouterr()
    lines = streams.out.splitlines()
    assert streams.err == ""
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    for section in SECTIONS:
        for command, _ in section[1]:
            assert command.verb in SUMMARIES
            assert any(line.startswith(f"  {command.line()}  ") for line in lines)


@pytest.mark.parametrize("group", ["emulator", "access", "emulator fault"])
def test_a_group_alone_prints_its_help(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(group.split()) == 0
    streams = capsys.readouterr()
    assert streams.out.startswith(f"Usage: bakery {group} [OPTIONS] COMMAND [ARGS]...\n")
    assert streams.err == ""


def test_the_help_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
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
        (KeyboardInterrupt(), 130, "error: interrupted; nothing was changed"),
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
    assert run(["--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert (
        "--local Use the running emulator instead of DigitalOcean; BAKERY_EMULATOR names it (else: default)."
        in text
    )


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (KeyboardInterrupt(), 130, "error: interrupted; nothing was changed\n"),
        (Terminated(), 143, "error: terminated; nothing was changed\n"),
    ],
)
def test_a_command_that_changes_nothing_is_not_continued(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    text: str,
) -> None:
    def interrupt(*_arguments: object) -> None:
        raise error

    monkeypatch.setattr("bakery.config.load.load_cluster", interrupt)
    monkeypatch.setattr("bakery.cli.dashboard.invocation_of", interrupt)
    assert run(["launch"]) == code
    assert "to continue, run the same command again" in capsys.readouterr().err, "control"
    for arguments in (["dashboard"], ["validate"], ["plan"], ["images"], ["status"], ["launch", "--dry-run"]):
        assert run(arguments) == code
        assert capsys.readouterr().err == text
    assert run(["launch"]) == code
    assert "to continue, run the same command again" in capsys.readouterr().err, "only for those commands"


MAY_CHANGE = {
    "access", "access add", "access refresh", "access remove", "bootstrap", "browser-cert", "build-image",
    "cleanup", "credentials", "credentials decrypt", "credentials encrypt", "credentials issue",
    "credentials revoke", "demo", "destroy", "emulator", "emulator down", "emulator env", "emulator exec",
    "emulator fault", "emulator fault add", "emulator fault clear", "emulator impair", "emulator logs",
    "emulator restart", "emulator stand-in", "emulator status", "emulator up", "env", "init", "launch", "render",
    "replace", "roll", "scale", "tour", "upgrade",
}  # fmt: skip
"""Groups, commands that change something, and those of the emulator that end too fast for a signal."""


def test_each_other_command_says_that_it_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is called with a mark that raises: those without it would look for what they are about."""

    class MarkedError(Exception):
        """The command said so."""

    def mark() -> None:
        raise MarkedError

    monkeypatch.setattr("bakery.cli.read_only.nothing_changes", mark)
    every = list(contexts(click.Context(bakery)))
    found = {each.command_path.removeprefix("bakery").strip(): each.command for each in every}
    assert found.keys() >= MAY_CHANGE
    for path in sorted(found.keys() - MAY_CHANGE - {""}):
        with pytest.raises(MarkedError), click.Context(found[path]):
            found[path].callback()  # type: ignore[misc]
