"""A crash in any step: neither the output nor the report has a secret, though the exception quotes them all."""

import base64
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bakery.cli import crash
from bakery.cli.main import _tell_of_thread
from bakery.credentials import seen
from bakery.credentials.at_rest import Lock
from bakery.credentials.seen import seen_secrets
from bakery.credentials.store import find_bundle
from bakery.credentials.tokens import consul_agent_token
from bakery.operations import launch_cluster
from bakery.operations.launch_cluster import FormStep, Step
from bakery.proc import redact
from bakery.render.document import packed
from tests.helpers.cli import SMALL
from tests.helpers.cli_agents import AgentsCli, agents_cli
from tests.helpers.emulated import TOKEN
from tests.helpers.leaks import SPELLINGS, found_in, secrets_in
from tests.helpers.state import leave_operator_tokens, paths_in

pytestmark = pytest.mark.integration

DOCKER = """\
docker:
  registries:
    registry.example.com: {username: ci, password_env: REGISTRY_PASSWORD}
"""
LISTS = [
    name
    for name, value in vars(launch_cluster).items()
    if isinstance(value, tuple) and any(isinstance(each, Step | FormStep) for each in value)
]
"""The names of all lists of steps."""
LAUNCH = ("launch", "--yes", "-v", "--deadline", "5")
INSIDE = {
    ("plan",): "bakery.operations.preview_launch.preview_launch",
    ("status",): "bakery.observe.health.observe_cluster",
    ("env", "--management"): "bakery.operations.collect_env.build_variables",
    ("render", "--role", "nomad-client", "-o", "out"): "bakery.operations.render_by_hand.render_role",
    ("roll", "--because", "age", "--older-than", "0", "--yes"): "bakery.operations.roll_cluster.open_session",
    ("credentials", "list"): "bakery.operations.people.connect_agents",
    ("credentials",): "bakery.credentials.inspect.describe",
    ("browser-cert", "consul"): "bakery.credentials.browser.browser_certificate",
}
"""A function that a command calls with the credentials in hand."""
NOT_HELD = ("a node",)
"""Secrets that the render of a role neither reads nor makes: they are derived from the bundle."""
PASSWORD_OF_P12 = """canary "p12" <pässword>&'+/%="""


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentsCli]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REGISTRY_PASSWORD", "canary-registry-password")
        patch.setenv("BAKERY_P12_PASSWORD", PASSWORD_OF_P12)
        with agents_cli(tmp_path_factory.mktemp("crash"), patch, SMALL + DOCKER) as made:
            patch.setenv("REGISTRY_PASSWORD", "canary-registry-password")
            patch.setenv("BAKERY_P12_PASSWORD", PASSWORD_OF_P12)
            yield made


@pytest.fixture(scope="module")
def secrets(live: AgentsCli) -> dict[str, str]:
    bundle = find_bundle(paths_in(live.at.folder))
    assert bundle is not None
    found = secrets_in(bundle)
    assert len(found) >= 4 * 2 + 2 + 1 + 2  # four keys of two lines, two gossip keys, the seed, two tokens
    consul, nomad = leave_operator_tokens(live.at.folder)
    return found | {
        "a node": consul_agent_token(bundle, "demo-nomad-client-1").secret,
        "the shell's for Consul": consul,
        "the shell's for Nomad": nomad,
        "account": TOKEN,
        "registry": "canary-registry-password",
        "registry's login": base64.b64encode(b"ci:canary-registry-password").decode(),
        "p12": PASSWORD_OF_P12,
    }


class Crash:
    """Stands where a function stood: what it raises quotes its arguments, and every secret by ``spell``."""

    def __init__(
        self,
        secrets: dict[str, str],
        spell: Callable[[str], str] = str,
        kind: type[BaseException] = RuntimeError,
    ) -> None:
        self._kind = kind
        self._secrets = [spell(secret) for secret in secrets.values()]
        self.called = False

    def __call__(self, *arguments: object, **more: object) -> None:
        self.called = True
        quoted = [getattr(each, "__dict__", each) for each in (*arguments, *more.values())]
        message = f"injected {quoted!r} {' '.join(self._secrets)}"
        raise self._kind(message)


def crashed(live: AgentsCli, *words: str, kind: type[BaseException] = RuntimeError) -> str:
    """What a command that crashes prints, and its report."""
    reports = live.at.folder.parent / "home" / "state"
    for report in reports.rglob("crash-*.txt"):
        report.unlink()
    seen._seen.clear()  # what other tests of this process have noted
    ran = live.at(*words)
    assert ran.code == 1, (words, ran.err)
    assert f"unexpected {kind.__name__}: injected" in ran.err
    (report,) = reports.rglob("crash-*.txt")
    assert report.stat().st_mode & 0o777 == 0o600
    text = report.read_text(encoding="utf-8")
    assert f"{kind.__name__}: injected" in text
    return ran.out + ran.err + text


def test_a_crash_in_any_step_of_a_launch_shows_no_secret(
    live: AgentsCli, secrets: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [(name, step) for name in LISTS for step in getattr(launch_cluster, name)]
    assert len(steps) >= 23
    for name, broken in steps:
        fails = Crash(secrets)
        with monkeypatch.context() as patch:
            changed = [replace(s, run=fails) if s is broken else s for s in getattr(launch_cluster, name)]
            patch.setattr(launch_cluster, name, tuple(changed))
            text = crashed(live, *LAUNCH)
        assert fails.called
        assert found_in(text, secrets) == [], broken.name


@pytest.mark.parametrize("words", INSIDE, ids=" ".join)
def test_nor_does_a_crash_in_another_command(
    live: AgentsCli, secrets: dict[str, str], words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = Crash(secrets)
    monkeypatch.setattr(INSIDE[words], fails)
    assert found_in(crashed(live, *words, "-v"), secrets) == []
    assert fails.called


class PanicException(BaseException):
    """Stands for that of a library in Rust (PyO3, src/panic.rs), of which cryptography and pydantic are made."""

    __module__ = "pyo3_runtime"


def test_nor_does_a_panic_in_rust(
    live: AgentsCli, secrets: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = Crash(secrets, kind=PanicException)
    words, place = next(iter(INSIDE.items()))
    monkeypatch.setattr(place, fails)
    assert found_in(crashed(live, *words, kind=PanicException), secrets) == []


def cluster_file(folder: Path) -> None:
    """Edited while the command runs."""
    file = folder / "bakery.yaml"
    file.write_text(file.read_text() + "wrong: 1\n")


def role_file(folder: Path) -> None:
    """Cut while it was written; a launch takes it for a role that was not rendered."""
    file = folder / ".bakery/demo/roles/nomad-client.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text('{"format": 1,')


def issued_token(folder: Path) -> None:
    file = folder / ".bakery/demo/issued/ci/nomad-token"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"\xff\xfe")


def issued_folder(folder: Path) -> None:
    """It cannot be read at all, like a file of another user; root can read such a file."""
    (folder / ".bakery/demo/issued/ci/nomad-token").mkdir(parents=True)


def bundle_file(folder: Path) -> None:
    (folder / ".bakery/demo/bundle.json").rename(folder / ".bakery/demo/moved.json")


DAMAGED = [cluster_file, role_file, issued_token, issued_folder, bundle_file]


def crashed_meanwhile(
    live: AgentsCli, secrets: dict[str, str], damage: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """The secrets that are shown by a command that crashes after its files were damaged."""
    folder, before = live.at.folder, live.at.folder.parent / "before"
    shutil.copytree(folder, before)
    fails = Crash(secrets)

    def fail(*arguments: object, **more: object) -> None:
        damage(folder)
        fails(*arguments, **more)

    monkeypatch.setattr(INSIDE["render", "--role", "nomad-client", "-o", "out"], fail)
    try:
        return found_in(crashed(live, "render", "--role", "nomad-client", "-o", "out"), secrets)
    finally:
        # In place: the folder is this process's own.
        for child in folder.iterdir():
            shutil.rmtree(child) if child.is_dir() else child.unlink()
        shutil.copytree(before, folder, dirs_exist_ok=True)
        shutil.rmtree(before)


@pytest.mark.parametrize("damage", DAMAGED)
def test_nor_does_one_after_which_a_file_cannot_be_read(
    live: AgentsCli,
    secrets: dict[str, str],
    damage: Callable[[Path], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lost = NOT_HELD if damage is bundle_file else ()
    held = {name: secret for name, secret in secrets.items() if name not in lost}
    assert crashed_meanwhile(live, held, damage, monkeypatch) == []


def test_without_what_the_process_has_held_it_would(
    live: AgentsCli, secrets: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control."""
    monkeypatch.setattr("bakery.credentials.model.note", lambda *secrets: None)
    assert "token_seed.0" in crashed_meanwhile(live, secrets, bundle_file, monkeypatch)


def test_a_node_that_the_cluster_file_does_not_have_has_secrets_too(
    live: AgentsCli, secrets: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = find_bundle(paths_in(live.at.folder))
    assert bundle is not None
    other = {"a node of before": consul_agent_token(bundle, "demo-nomad-client-77").secret}

    def fail(*arguments: object, **more: object) -> None:
        consul_agent_token(bundle, "demo-nomad-client-77")
        Crash(secrets | other)()

    monkeypatch.setattr("bakery.observe.health.observe_cluster", fail)
    assert found_in(crashed(live, "status"), secrets | other) == []


PASSWORD = "canary-typed-password"
OTHER_TOKEN = "1b5ba4d3f9"  # without the form of a token of DigitalOcean


def _of_a_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    (folder / "password").write_text(f"{PASSWORD}\n")
    return ("browser-cert", "consul", "--password-file", "password")


def _typed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    monkeypatch.delenv("BAKERY_P12_PASSWORD")
    monkeypatch.setattr("bakery.cli.browser_cert.need_terminal", lambda _: None)
    monkeypatch.setattr("bakery.cli.browser_cert.ask_new_password", lambda _: PASSWORD)
    return ("browser-cert", "consul")


@pytest.mark.parametrize("given", [_of_a_file, _typed])
def test_nor_does_one_after_a_password_was_given(
    live: AgentsCli,
    given: Callable[[Path, pytest.MonkeyPatch], tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = given(live.at.folder, monkeypatch)
    monkeypatch.setattr("bakery.credentials.browser.browser_certificate", Crash({"password": PASSWORD}))
    assert PASSWORD not in crashed(live, *words)
    monkeypatch.setattr("bakery.credentials.seen.note", lambda *secrets: None)
    assert PASSWORD in crashed(live, *words)  # control


def test_nor_does_one_with_a_token_of_a_file(
    live: AgentsCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text(OTHER_TOKEN)
    monkeypatch.setenv("DIGITALOCEAN_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setattr("bakery.cloud.digitalocean.connect", Crash({"token": OTHER_TOKEN}), raising=False)
    monkeypatch.setattr("bakery.operations.preview_launch.preview_launch", Crash({"token": OTHER_TOKEN}))
    assert OTHER_TOKEN not in crashed(live, "plan")


def test_nor_does_one_with_a_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    seen._seen.clear()
    Lock(passphrase=PASSWORD)
    assert PASSWORD in seen_secrets()


def test_nor_does_one_in_a_thread(
    live: AgentsCli, secrets: dict[str, str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "excepthook", _tell_of_thread)
    thread = threading.Thread(target=Crash(secrets))
    thread.start()
    thread.join()
    said = capfd.readouterr().err
    assert said.startswith("warning: unexpected RuntimeError: injected")
    assert found_in(said, secrets) == []


def test_nor_does_one_in_a_folder_whose_name_is_not_utf8(
    live: AgentsCli, secrets: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python reads each byte of it as a character that UTF-8 cannot write."""
    monkeypatch.setattr("bakery.observe.health.observe_cluster", Crash(secrets | {"folder": "caf\udce9"}))
    text = crashed(live, "status")
    assert "caf" in text
    assert found_in(text, secrets) == []


def test_nor_does_one_whose_report_fails(
    live: AgentsCli, secrets: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: it is the report that fails, not the command that hides the crash."""

    def fails(*_: object) -> str:
        raise ValueError

    monkeypatch.setattr("bakery.observe.health.observe_cluster", Crash(secrets))
    monkeypatch.setattr("bakery.cli.crash._without", fails)
    ran = live.at("status")
    assert (ran.code, found_in(ran.out + ran.err, secrets)) == (1, [])
    assert "unexpected RuntimeError; its report failed: ValueError" in ran.err


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_nor_does_one_that_writes_it_in_another_way(
    live: AgentsCli, secrets: dict[str, str], spelling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bakery.observe.health.observe_cluster", Crash(secrets, SPELLINGS[spelling]))
    assert found_in(crashed(live, "status"), secrets) == []
    monkeypatch.setattr("bakery.credentials.redaction.hide", redact)
    assert "p12" in found_in(crashed(live, "status"), secrets)  # control


def test_nor_does_one_that_quotes_compressed_user_data(live: AgentsCli, monkeypatch: pytest.MonkeyPatch) -> None:
    content = packed("a line of a file\n" * 1000)
    assert content["encoding"] == "gz+b64"
    monkeypatch.setattr("bakery.observe.health.observe_cluster", Crash({"file": content["content"]}))
    assert content["content"][16:48] not in crashed(live, "status")


def test_nor_does_one_that_has_what_a_registry_or_a_role_of_before_had(
    live: AgentsCli, secrets: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user name of a variable, also without its password; a role that the cluster file does not have."""
    monkeypatch.setenv("REGISTRY_USER", "canary-user-that-is-a-token")
    monkeypatch.delenv("REGISTRY_PASSWORD")
    bundle = find_bundle(paths_in(live.at.folder))
    assert bundle is not None
    more = {"user": "canary-user-that-is-a-token", "role": consul_agent_token(bundle, "gone").secret}
    file, role = live.at.folder / "bakery.yaml", paths_in(live.at.folder).roles / "gone.json"
    before = file.read_text()
    file.write_text(before.replace("username: ci", "username_env: REGISTRY_USER"))
    role.parent.mkdir(exist_ok=True)
    role.write_text("{}")
    monkeypatch.setattr("bakery.observe.health.observe_cluster", Crash(more))
    try:
        assert found_in(crashed(live, "status"), more) == []
    finally:
        file.write_text(before)
        role.unlink()


def test_without_the_cut_the_search_finds_them_all(
    live: AgentsCli, secrets: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control."""

    def whole(text: str, _: Any) -> str:  # noqa: ANN401 - not used
        return text

    monkeypatch.setattr(crash, "_without", whole)
    monkeypatch.setattr("bakery.observe.health.observe_cluster", Crash(secrets))
    assert set(found_in(crashed(live, "status"), secrets)) >= set(secrets)


def test_a_crash_before_the_cluster_is_known_is_reported_too(
    live: AgentsCli, secrets: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cluster file cannot be read again; what has the form of a secret is cut out."""
    monkeypatch.setattr("bakery.config.load.load_cluster", Crash({"account": f"dop_v1_{'a' * 64}"}))
    text = crashed(live, "plan")
    assert "dop_v1_" not in text
