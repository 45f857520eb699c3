"""The bundle encrypted with age: opened by its identity alone, and never silently in plain text."""

from datetime import UTC, datetime
from pathlib import Path

import pyrage  # type: ignore[import-untyped]
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from bakery.config.paths import StatePaths
from bakery.credentials import at_rest
from bakery.credentials.codec import encode
from bakery.credentials.store import ensure_bundle, find_bundle
from bakery.errors import CredentialsError
from tests.helpers.reporter import RecordingReporter
from tests.helpers.state import paths_in

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def paths(tmp_path: Path) -> StatePaths:
    return paths_in(tmp_path)


@pytest.fixture
def identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An identity file as age-keygen writes it, with both variables set to it."""
    key = pyrage.x25519.Identity.generate()
    file = tmp_path / "identity.txt"
    file.write_text(f"# created: 2026-03-01\n# public key: {key.to_public()}\n{key}\n", encoding="ascii")
    monkeypatch.setenv("BAKERY_AGE_RECIPIENT", str(key.to_public()))
    monkeypatch.setenv("BAKERY_AGE_IDENTITY", str(file))
    return file


@pytest.fixture
def made(paths: StatePaths, identity: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundle, made by another process: this one remembers nothing."""
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(at_rest, "_process", at_rest._Process())
        ensure_bundle(paths, "demo", now=NOW)


@pytest.fixture
def encrypted(paths: StatePaths) -> Path:
    return paths.folder / "bundle.json.age"


def test_with_a_recipient_the_bundle_is_encrypted(paths: StatePaths, identity: Path, encrypted: Path) -> None:
    made = ensure_bundle(paths, "demo", now=NOW)
    assert encrypted.read_bytes().startswith(b"age-encryption.org/v1\n")
    assert encrypted.stat().st_mode & 0o777 == 0o600
    assert not paths.bundle.exists()
    assert find_bundle(paths) == made
    assert ensure_bundle(paths, "demo", now=NOW) == made


def test_no_file_in_the_state_folder_holds_a_secret_in_plain_text(paths: StatePaths, identity: Path) -> None:
    made = ensure_bundle(paths, "demo", now=NOW)
    for file in paths.folder.iterdir():
        assert made.token_seed.encode() not in file.read_bytes()
    assert made.token_seed.encode() in encode(made)  # control: the plain bundle would show it


def test_ssh_keys_work_too(paths: StatePaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    (tmp_path / "id_ed25519").write_bytes(private)
    monkeypatch.setenv("BAKERY_AGE_RECIPIENT", public.decode())
    monkeypatch.setenv("BAKERY_AGE_IDENTITY", str(tmp_path / "id_ed25519"))
    made = ensure_bundle(paths, "demo", now=NOW)
    assert find_bundle(paths) == made


@pytest.mark.usefixtures("made")
def test_without_an_identity_the_error_says_which_variable(
    paths: StatePaths, identity: Path, encrypted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BAKERY_AGE_IDENTITY")
    with pytest.raises(CredentialsError) as caught:
        ensure_bundle(paths, "demo", now=NOW)
    assert caught.value == CredentialsError(
        message=f"{encrypted} is encrypted and BAKERY_AGE_IDENTITY is not set",
        hint="export BAKERY_AGE_IDENTITY=PATH-OF-YOUR-AGE-IDENTITY",
    )


def test_the_identity_is_needed_to_read_and_the_recipient_only_to_make(
    paths: StatePaths, identity: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = ensure_bundle(paths, "demo", now=NOW)
    monkeypatch.delenv("BAKERY_AGE_RECIPIENT")
    assert ensure_bundle(paths, "demo", now=NOW) == made


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("damage", ["other identity", "cut", "flipped", "empty", "plain text"])
def test_what_cannot_be_opened_is_refused_and_kept(
    paths: StatePaths, identity: Path, encrypted: Path, damage: str
) -> None:
    content = encrypted.read_bytes()
    spoilt = {
        "other identity": content,
        "cut": content[:-100],
        "flipped": content[:-20] + bytes([content[-20] ^ 1]) + content[-19:],
        "empty": b"",
        "plain text": b"{}",
    }[damage]
    if damage == "other identity":
        identity.write_text(str(pyrage.x25519.Identity.generate()), encoding="ascii")
    encrypted.write_bytes(spoilt)
    with pytest.raises(CredentialsError, match="cannot be decrypted") as caught:
        ensure_bundle(paths, "demo", now=NOW)
    assert caught.value.hint
    assert encrypted.read_bytes() == spoilt
    assert not paths.bundle.exists()


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize(
    "content", ["nonsense", "AGE-SECRET-KEY-1QQQ", "-----BEGIN OPENSSH PRIVATE KEY-----\nc3Bv"]
)
def test_a_file_that_is_no_identity_is_named_without_its_content(
    paths: StatePaths, identity: Path, content: str
) -> None:
    identity.write_text(content, encoding="ascii")
    with pytest.raises(CredentialsError, match="cannot be used") as caught:
        find_bundle(paths)
    assert content not in repr(caught.value)
    assert caught.value.hint == "check BAKERY_AGE_IDENTITY"


@pytest.mark.usefixtures("made")
def test_a_missing_identity_file_is_named(
    paths: StatePaths, identity: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity.unlink()
    with pytest.raises(CredentialsError, match=str(identity)) as caught:
        find_bundle(paths)
    assert caught.value.details == "No such file or directory"


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize(
    "value",
    ["AGE-SECRET-KEY-1CANARY", "age-secret-key-1canary", "# created: now\nAGE-SECRET-KEY-1CANARY",
     "-----BEGIN OPENSSH PRIVATE KEY-----\nCANARY/\n-----END OPENSSH PRIVATE KEY-----", "x" * 5000],
)  # fmt: skip
def test_the_identity_itself_in_the_variable_is_not_quoted(
    paths: StatePaths, identity: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("BAKERY_AGE_IDENTITY", value)
    with pytest.raises(CredentialsError) as caught:
        find_bundle(paths)
    assert value not in repr(caught.value)
    assert "canary" not in repr(caught.value).lower()
    holds = "BAKERY_AGE_IDENTITY holds an identity, and must hold the path of its file"
    other = "the age identity that BAKERY_AGE_IDENTITY names cannot be used"
    assert caught.value.message == (other if value.startswith("x") else holds)


@pytest.mark.parametrize("recipient", ["me@example.com", "age1qqq", "ssh-ed25519 AAAA"])
def test_a_wrong_recipient_makes_no_bundle_at_all(
    paths: StatePaths, encrypted: Path, monkeypatch: pytest.MonkeyPatch, recipient: str
) -> None:
    monkeypatch.setenv("BAKERY_AGE_RECIPIENT", recipient)
    with pytest.raises(CredentialsError, match="BAKERY_AGE_RECIPIENT is not an age recipient"):
        ensure_bundle(paths, "demo", now=NOW)
    assert not paths.bundle.exists()
    assert not encrypted.exists()


def test_a_plain_bundle_stays_plain_and_says_so(
    paths: StatePaths, identity: Path, encrypted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as without:
        without.delenv("BAKERY_AGE_RECIPIENT")
        made = ensure_bundle(paths, "demo", now=NOW)
    reporter = RecordingReporter()
    assert ensure_bundle(paths, "demo", now=NOW, reporter=reporter) == made
    assert len(reporter.warnings) == 1
    assert "is not encrypted" in reporter.warnings[0]
    assert not encrypted.exists()


def test_two_bundles_are_an_error_not_a_choice(paths: StatePaths, identity: Path, encrypted: Path) -> None:
    ensure_bundle(paths, "demo", now=NOW)
    paths.bundle.write_bytes(b"{}")
    with pytest.raises(CredentialsError, match="there are two bundles") as caught:
        find_bundle(paths)
    assert caught.value.details == "bundle.json and bundle.json.age"
