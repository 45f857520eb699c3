"""``bakery credentials encrypt`` and ``decrypt``, and the commands that run on an encrypted bundle."""

from collections.abc import Iterator
from pathlib import Path

import pexpect
import pyrage  # type: ignore[import-untyped]
import pytest

from bakery.credentials import at_rest
from tests.helpers.cli import BAKERY, CliHarness, cli_harness
from tests.helpers.cli_schemas import check_answer
from tests.helpers.state import paths_in

pytestmark = pytest.mark.integration

FIRST = ("render", "--role", "consul-server", "--first", "-o", "first")


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliHarness]:
    monkeypatch.setattr(at_rest, "_process", at_rest._Process())
    with cli_harness(tmp_path, monkeypatch, snapshot=False) as made:
        assert made(*FIRST).code == 0
        yield made


@pytest.fixture
def key(tmp_path: Path, at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> str:
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "identity.txt").write_text(f"{identity}\n", encoding="ascii")
    monkeypatch.setenv("BAKERY_AGE_IDENTITY", str(tmp_path / "identity.txt"))
    return str(identity.to_public())


def test_encrypt_and_decrypt_change_how_the_bundle_is_stored_and_nothing_else(at: CliHarness, key: str) -> None:
    paths, rendered = paths_in(at.folder), (at.folder / "first" / "consul-server.yaml").read_bytes()
    ran = at("credentials", "encrypt", "--recipient", key)
    assert (ran.code, ran.out, ran.err) == (0, f"{paths.encrypted_bundle}\n", "")
    assert f"in {paths.encrypted_bundle}" in at("credentials").err
    assert at(*FIRST).code == 0
    assert (at.folder / "first" / "consul-server.yaml").read_bytes() == rendered
    again = at("credentials", "encrypt", "--recipient", key, "--json")
    check_answer(again.json, "credentials-at-rest")
    assert again.json == {"file": str(paths.encrypted_bundle), "encrypted": True}
    ran = at("credentials", "decrypt")
    assert (ran.code, ran.out) == (0, f"{paths.bundle}\n")
    check_answer(at("credentials", "decrypt", "--json").json, "credentials-at-rest")
    assert at("credentials").code == 0


def test_the_variable_names_the_recipient_too(at: CliHarness, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAKERY_AGE_RECIPIENT", key)
    ran = at("credentials")
    assert ran.err.splitlines()[0].endswith("is not encrypted; to encrypt it: bakery credentials encrypt")
    assert at("credentials", "encrypt").code == 0
    assert "warning" not in at("credentials").err


def test_what_cannot_be_done_changes_nothing(at: CliHarness, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = paths_in(at.folder).bundle
    before = bundle.read_bytes()
    monkeypatch.setenv("BAKERY_AGE_PASSPHRASE", "phrase")
    for options, code, message in (
        ((), 2, "encrypt needs a recipient or a passphrase"),
        (("--recipient", key, "--passphrase"), 2, "--recipient and --passphrase cannot be combined"),
        (("--recipient", "age1wrong"), 3, "--recipient is not an age recipient"),
    ):
        ran = at("credentials", "encrypt", *options)
        assert (ran.code, ran.out) == (code, "")
        assert ran.err.startswith(f"error: {message}\n")
        assert bundle.read_bytes() == before
    monkeypatch.delenv("BAKERY_AGE_PASSPHRASE")
    ran = at("credentials", "encrypt", "--passphrase")
    assert ran.code == 2
    assert ran.err.endswith("help: set BAKERY_AGE_PASSPHRASE\n")
    bundle.unlink()
    for verb in (("encrypt", "--recipient", key), ("decrypt",)):
        ran = at("credentials", *verb)
        assert ran.code == 3
        assert ran.err.startswith("error: there is no bundle in ")


@pytest.mark.parametrize(("phrase", "code"), [("eleven char", 2), ("twelve chars", 0)])
def test_a_passphrase_is_not_short(
    at: CliHarness, monkeypatch: pytest.MonkeyPatch, phrase: str, code: int
) -> None:
    paths = paths_in(at.folder)
    monkeypatch.setenv("BAKERY_AGE_PASSPHRASE", phrase)
    ran = at("credentials", "encrypt", "--passphrase")
    assert ran.code == code
    assert paths.encrypted_bundle.exists() is (code == 0)
    if code:
        said = "the passphrase in BAKERY_AGE_PASSPHRASE is shorter than 12 characters; nothing was changed"
        assert ran.err.splitlines()[0] == f"error: {said}"
    assert phrase not in ran.out + ran.err


def test_a_recipient_without_its_identity_is_refused_in_words_of_it(
    at: CliHarness, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = str(pyrage.x25519.Identity.generate().to_public())
    for details in ("it cannot be decrypted with the identity in", "BAKERY_AGE_IDENTITY is not set"):
        ran = at("credentials", "encrypt", "--recipient", stranger)
        assert ran.code == 3
        first, second, last = ran.err.splitlines()
        assert first.startswith("error: no identity of the recipient is on this machine")
        assert details in second
        assert last.startswith("help: put the identity's file on this machine and export BAKERY_AGE_IDENTITY=FILE")
        assert paths_in(at.folder).bundle.exists()
        monkeypatch.delenv("BAKERY_AGE_IDENTITY", raising=False)
    monkeypatch.setenv("BAKERY_AGE_IDENTITY", str(at.folder.parent / "identity.txt"))
    both = ("--recipient", stranger, "--recipient", key)
    assert at("credentials", "encrypt", *both).code == 0, "control: beside one whose identity is here"


@pytest.mark.parametrize("typed", [[], ["canary passphrase"]])
def test_ctrl_c_at_the_new_passphrase_changes_nothing(at: CliHarness, typed: list[str]) -> None:
    child = pexpect.spawn(str(BAKERY), ["credentials", "encrypt", "--passphrase"], encoding="utf-8", timeout=60)
    for line in typed:
        child.expect("new passphrase of the bundle: ")
        child.sendline(line)
    child.expect("repeat for confirmation: " if typed else "new passphrase of the bundle: ")
    child.sendintr()
    child.expect("interrupted; nothing was changed")
    child.expect(pexpect.EOF)
    assert "what was created stays" not in child.before
    assert at("credentials").code == 0, "it is in plain text"


def test_on_a_terminal_the_passphrase_is_asked_for_and_not_shown(at: CliHarness) -> None:
    phrase = "canary passphrase"
    child = pexpect.spawn(str(BAKERY), ["credentials", "encrypt", "--passphrase"], encoding="utf-8", timeout=60)
    child.expect("new passphrase of the bundle: ")
    child.sendline(phrase)
    child.expect("repeat for confirmation: ")
    child.sendline(phrase)
    child.expect("bundle.json.age\r\n")
    child.expect(pexpect.EOF)
    child = pexpect.spawn(str(BAKERY), ["credentials"], encoding="utf-8", timeout=60)
    child.expect("passphrase of .*/.bakery/demo/bundle.json.age: ")
    child.sendline(phrase)
    child.expect(pexpect.EOF)
    assert "Consul CA" in child.before
    assert phrase not in child.before
    ran = at("credentials")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.endswith(
        "is encrypted with a passphrase, and BAKERY_AGE_PASSPHRASE is not set\n"
        "help: run this on a terminal, or set the variable\n"
    )
