"""README's own commands, then ``git add -A``: no private key and no token may be in what git takes."""

import subprocess  # noqa: TID251 - the real git, as a user calls it
from pathlib import Path

import pytest

from bakery.errors import ExitCode, UnreachableError
from tests.helpers.cli import CliHarness

pytestmark = pytest.mark.integration

RENDER = ("render", "--role", "consul-server", "--first", "-o")
WARNING = "warning: git does not ignore {}, which holds private keys: add it to .gitignore"


def git(at: CliHarness, *words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    done = subprocess.run(
        ["git", *identity, *words], cwd=at.folder, capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout


@pytest.fixture
def at(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> CliHarness:
    """A repository with nothing in it but what ``bakery init`` writes."""
    monkeypatch.setenv("BAKERY_P12_PASSWORD", "canary-p12-password")
    (at.folder / "bakery.yaml").unlink()
    git(at, "init", "--quiet")
    assert at("init", "--cluster", "demo").code == 0
    return at


def taken(at: CliHarness) -> list[str]:
    git(at, "add", "-A")
    return git(at, "ls-files").split()


def test_the_commands_of_the_first_day_leave_nothing_secret_to_add(at: CliHarness) -> None:
    for arguments in ((*RENDER, "rendered/"), ("browser-cert", "consul"), ("browser-cert", "nomad")):
        ran = at(*arguments)
        assert ran.code == 0, ran.err
        assert "warning" not in ran.err
    assert taken(at) == ["bakery.yaml"]
    (at.folder / "rendered" / ".gitignore").unlink()
    assert "rendered/consul-server.yaml" in taken(at), "control: without the file git takes it"
    for which in ("consul", "nomad"):
        assert (at.folder / ".bakery" / "demo" / f"demo-{which}.p12").exists()


def test_an_empty_folder_is_filled_behind_a_gitignore(at: CliHarness) -> None:
    (at.folder / "empty").mkdir()
    assert "warning" not in at(*RENDER, "empty").err
    assert "warning" not in at(*RENDER[:2], "nomad-server", "--join", "10.100.0.2", "-o", "empty").err
    assert (at.folder / "empty" / ".gitignore").read_text() == "*\n"
    assert taken(at) == ["bakery.yaml"]


def test_a_folder_of_the_user_s_is_not_hidden_from_git(at: CliHarness) -> None:
    """There is something of his in it; a warning is all that is fair."""
    (at.folder / "terraform").mkdir()
    (at.folder / "terraform" / "main.tf").write_text("# mine\n")
    ran = at(*RENDER, "terraform")
    assert (ran.code, ran.out) == (0, "terraform/consul-server.yaml\n")
    assert ran.err.splitlines()[0] == WARNING.format("terraform/consul-server.yaml")
    assert not (at.folder / "terraform" / ".gitignore").exists()


@pytest.mark.parametrize(("rules", "warned"), [("*.log\n", True), ("*.yaml\n", False)])
def test_a_gitignore_of_the_user_s_is_kept_and_read(at: CliHarness, rules: str, warned: bool) -> None:  # noqa: FBT001
    (at.folder / "out").mkdir()
    (at.folder / "out" / ".gitignore").write_text(rules)
    ran = at(*RENDER, "out")
    assert ran.code == 0
    assert (WARNING.format("out/consul-server.yaml") in ran.err.splitlines()) is warned
    assert (at.folder / "out" / ".gitignore").read_text() == rules


STATE_WARNING = "warning: git does not ignore {}, which holds private keys: write * into {}"


@pytest.mark.parametrize(
    ("rules", "named"),
    [("/demo/bundle.json\n", "roles/consul-server.json"), ("!*\n", "bundle.json"), ("*\n!keep\n", None)],
)
def test_a_gitignore_of_the_user_s_that_shows_the_state_is_warned_of(
    at: CliHarness, rules: str, named: str | None
) -> None:
    state = at.folder / ".bakery"
    state.mkdir(mode=0o700)
    (state / ".gitignore").write_text(rules)
    for arguments in ((*RENDER, "out"), ("credentials", "decrypt"), ("launch", "--yes", "--wait", "active")):
        ran = at(*arguments)
        assert ran.code == 0, ran.err
        warned = [line for line in ran.err.splitlines() if "git does not" in line]
        assert warned == ([STATE_WARNING.format(state / "demo" / named, state / ".gitignore")] if named else [])
    assert (state / ".gitignore").read_text() == rules
    assert (f".bakery/demo/{named}" in taken(at)) is (named is not None)


def test_what_a_command_that_was_killed_leaves_is_warned_of(at: CliHarness) -> None:
    """It is the whole bundle, under a name that the user's rules do not have."""
    state = at.folder / ".bakery"
    at(*RENDER, "out")
    (state / ".gitignore").write_text("bundle.json\n/demo/roles/\n*.pem\n")
    left = state / "demo" / ".bundle.json.0123456789ab.tmp"
    left.write_text("secrets")
    assert STATE_WARNING.format(left, state / ".gitignore") in at(*RENDER, "again").err.splitlines()


def test_the_operators_key_is_warned_of(at: CliHarness) -> None:
    state = at.folder / ".bakery"
    state.mkdir(mode=0o700)
    (state / ".gitignore").write_text("/demo/bundle.json\n/demo/roles/\n")
    key = state / "demo" / "consul-key.pem"
    ran = at("launch", "--yes", "--wait", "active")
    assert key.exists()
    assert STATE_WARNING.format(key, state / ".gitignore") in ran.err.splitlines()


def test_a_launch_that_fails_warns_too(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    state = at.folder / ".bakery"
    state.mkdir(mode=0o700)
    (state / ".gitignore").write_text("!*\n")

    def fails(*_: object, **__: object) -> None:
        message = "the API is gone"
        raise UnreachableError(message=message)

    monkeypatch.setattr("bakery.operations.launch_cluster.launch", fails)
    ran = at("launch", "--yes", "--wait", "active")
    assert ran.code == ExitCode.CLOUD
    assert STATE_WARNING.format(state / "demo" / "bundle.json", state / ".gitignore") in ran.err.splitlines()


def test_a_moved_state_with_a_gitignore_of_the_user_s_is_warned_of(
    at: CliHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = at.folder / "state" / "demo"
    folder.mkdir(parents=True, mode=0o700)
    (folder / ".gitignore").write_text("*.log\n")
    monkeypatch.setenv("BAKERY_STATE_DIR", str(folder.parent))
    assert (
        STATE_WARNING.format(folder / "bundle.json", folder / ".gitignore") in at(*RENDER, "out").err.splitlines()
    )


def test_a_browser_certificate_elsewhere_is_warned_of(at: CliHarness) -> None:
    assert at(*RENDER, "rendered").code == 0
    ran = at("browser-cert", "consul", "-o", "mine.p12")
    assert ran.code == 0
    assert WARNING.format("mine.p12") in ran.err.splitlines()


def test_outside_of_a_repository_and_without_git_nothing_is_said(
    at: CliHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_text("")
    assert "warning" not in at(*RENDER, str(tmp_path / "elsewhere")).err
    (at.folder / "file").write_text("")
    assert "warning" in at(*RENDER, ".").err, "control"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "warning" not in at(*RENDER, ".").err
