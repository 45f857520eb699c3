"""``encrypt_bundle`` and ``decrypt_bundle``: the same bundle, stored in another way, and never lost on the way."""

from datetime import UTC, datetime
from pathlib import Path

import pyrage  # type: ignore[import-untyped]
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bakery.config.paths import StatePaths
from bakery.credentials import at_rest, store
from bakery.credentials.at_rest import Lock, ask_passphrase_with
from bakery.credentials.codec import encode
from bakery.credentials.store import create_bundle, decrypt_bundle, encrypt_bundle, ensure_bundle, find_bundle
from bakery.errors import BakeryError, CredentialsError
from bakery.files import temporary_beside, write_new
from tests.helpers.reporter import RecordingReporter
from tests.helpers.state import paths_in

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WRONG = ("Decryption failed",)
"""What pyrage says of a wrong passphrase."""
PHRASE = "correct horse battery staple"


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StatePaths:
    """A cluster with a bundle in plain text; nothing of another test is remembered."""
    monkeypatch.setattr(at_rest, "_process", at_rest._Process())
    made = paths_in(tmp_path)
    ensure_bundle(made, "demo", now=NOW)
    return made


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A recipient whose identity is on this machine."""
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "identity.txt").write_text(f"{identity}\n", encoding="ascii")
    monkeypatch.setenv("BAKERY_AGE_IDENTITY", str(tmp_path / "identity.txt"))
    return str(identity.to_public())


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Age takes two seconds for the key of a passphrase (test_cli_at_rest.py); here it takes none."""
    monkeypatch.setattr(pyrage.passphrase, "encrypt", _wrap)
    monkeypatch.setattr(pyrage.passphrase, "decrypt", _unwrap)


def _wrap(content: bytes, phrase: str) -> bytes:
    return b"age-encryption.org/v1\n-> scrypt " + phrase.encode().hex().encode() + b"\n" + content


def _unwrap(content: bytes, phrase: str) -> bytes:
    if content.split(b"\n")[1] != b"-> scrypt " + phrase.encode().hex().encode():
        raise pyrage.DecryptError(*WRONG)
    return content.split(b"\n", 2)[2]


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in another process."""
    monkeypatch.setattr(at_rest, "_process", at_rest._Process())


def test_to_recipients_and_back_it_is_the_same_bundle(
    paths: StatePaths, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = paths.bundle.read_bytes()
    bundle = find_bundle(paths)
    for _ in range(2):
        assert encrypt_bundle(paths, Lock(recipients=(key,))) == paths.encrypted_bundle
        assert not paths.bundle.exists()
        assert paths.encrypted_bundle.stat().st_mode & 0o777 == 0o600
        forget(monkeypatch)
        assert find_bundle(paths) == bundle
    for _ in range(2):
        assert decrypt_bundle(paths) == paths.bundle
        assert paths.bundle.read_bytes() == before
        assert paths.bundle.stat().st_mode & 0o777 == 0o600
        assert not paths.encrypted_bundle.exists()


def test_every_recipient_opens_it(paths: StatePaths, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, other = paths.bundle.read_bytes(), pyrage.x25519.Identity.generate()
    encrypt_bundle(paths, Lock(recipients=(key, str(other.to_public()))))
    assert pyrage.decrypt(paths.encrypted_bundle.read_bytes(), [other]) == plain


@pytest.mark.usefixtures("quick")
def test_a_passphrase_is_asked_for_once_in_a_process(paths: StatePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []

    def ask(file: Path) -> str:
        asked.append(file)
        return PHRASE

    bundle = find_bundle(paths)
    encrypt_bundle(paths, Lock(passphrase=PHRASE))
    ask_passphrase_with(ask)
    assert [find_bundle(paths) for _ in range(3)] == [bundle] * 3
    assert asked == [paths.encrypted_bundle]
    forget(monkeypatch)
    monkeypatch.setenv("BAKERY_AGE_PASSPHRASE", PHRASE)
    assert find_bundle(paths) == bundle


@pytest.mark.usefixtures("quick")
def test_a_recipient_takes_the_place_of_a_passphrase(
    paths: StatePaths, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = find_bundle(paths)
    encrypt_bundle(paths, Lock(passphrase=PHRASE))
    monkeypatch.setenv("BAKERY_AGE_PASSPHRASE", PHRASE)
    encrypt_bundle(paths, Lock(recipients=(key,)))
    monkeypatch.delenv("BAKERY_AGE_PASSPHRASE")
    forget(monkeypatch)
    assert find_bundle(paths) == bundle


@pytest.mark.usefixtures("quick")
def test_each_mistake_has_an_error_of_its_own(
    paths: StatePaths, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong key, a wrong mode, a changed file."""
    file = paths.encrypted_bundle

    def said() -> str:
        forget(monkeypatch)
        content = file.read_bytes()
        with pytest.raises(CredentialsError) as caught:
            find_bundle(paths)
        assert caught.value.exit_code == 3
        assert caught.value.hint
        assert file.read_bytes() == content
        assert PHRASE not in repr(caught.value)
        return caught.value.message

    encrypt_bundle(paths, Lock(passphrase=PHRASE))
    assert said() == f"{file} is encrypted with a passphrase, and BAKERY_AGE_PASSPHRASE is not set"
    monkeypatch.setenv("BAKERY_AGE_PASSPHRASE", "wrong")
    assert said() == f"{file} cannot be decrypted: the passphrase is wrong"
    monkeypatch.setenv("BAKERY_AGE_PASSPHRASE", PHRASE)
    encrypt_bundle(paths, Lock(recipients=(key,)))
    content = file.read_bytes()
    other = tmp_path / "other.txt"
    other.write_text(str(pyrage.x25519.Identity.generate()), encoding="ascii")
    monkeypatch.setenv("BAKERY_AGE_IDENTITY", str(other))
    assert said() == f"{file} cannot be decrypted with the identity in BAKERY_AGE_IDENTITY"
    monkeypatch.delenv("BAKERY_AGE_IDENTITY")
    assert said() == f"{file} is encrypted and BAKERY_AGE_IDENTITY is not set"
    monkeypatch.setenv("BAKERY_AGE_IDENTITY", str(tmp_path / "identity.txt"))
    for damaged in (content[:-1], content[:-1] + bytes([content[-1] ^ 1]), content[:150]):
        file.write_bytes(damaged)
        assert said() == f"{file} cannot be decrypted: it is damaged, or was changed"
    file.write_bytes(b"{}")
    assert said() == f"{file} cannot be decrypted: it is not a file of age"


def test_the_name_of_a_file_says_whether_it_is_encrypted(paths: StatePaths, key: str) -> None:
    encrypt_bundle(paths, Lock(recipients=(key,)))
    paths.encrypted_bundle.rename(paths.bundle)
    with pytest.raises(
        CredentialsError, match="is encrypted, and its name is that of a bundle in plain"
    ) as caught:
        find_bundle(paths)
    assert caught.value.hint == f"mv {paths.bundle} {paths.encrypted_bundle}"


def test_nobody_locks_himself_out(paths: StatePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: with the identity at hand the same recipient is taken, above."""
    before = paths.bundle.read_bytes()
    stranger = str(pyrage.x25519.Identity.generate().to_public())
    with pytest.raises(CredentialsError, match="no identity of the recipient is on this machine"):
        encrypt_bundle(paths, Lock(recipients=(stranger,)))
    assert paths.bundle.read_bytes() == before
    assert not paths.encrypted_bundle.exists()


def test_a_private_key_in_place_of_a_recipient_is_not_shown(paths: StatePaths) -> None:
    secret = str(pyrage.x25519.Identity.generate())
    with pytest.raises(CredentialsError, match="--recipient is not an age recipient") as caught:
        encrypt_bundle(paths, Lock(recipients=(secret,)))
    assert secret not in repr(caught.value)


@pytest.mark.parametrize("work", ["encrypt", "decrypt"])
def test_an_interrupted_change_is_ended_by_the_same_command(
    paths: StatePaths, key: str, work: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the new file and the end of the old one, there are two equal bundles."""
    bundle, lock = find_bundle(paths), Lock(recipients=(key,))
    if work == "decrypt":
        encrypt_bundle(paths, lock)
    with monkeypatch.context() as killed:
        killed.setattr(store, "_remove", _die)
        with pytest.raises(KeyboardInterrupt):
            encrypt_bundle(paths, lock) if work == "encrypt" else decrypt_bundle(paths)
    with pytest.raises(CredentialsError, match="there are two bundles") as caught:
        find_bundle(paths)
    assert "if one was interrupted: bakery credentials encrypt or bakery credentials decrypt" in str(
        caught.value.hint
    )
    file = encrypt_bundle(paths, lock) if work == "encrypt" else decrypt_bundle(paths)
    assert [each for each in (paths.bundle, paths.encrypted_bundle) if each.exists()] == [file]
    assert find_bundle(paths) == bundle


def _die(_: Path) -> None:
    raise KeyboardInterrupt


def test_two_different_bundles_are_left_alone(paths: StatePaths, key: str) -> None:
    encrypt_bundle(paths, Lock(recipients=(key,)))
    paths.bundle.write_bytes(encode(create_bundle("demo", now=NOW)))
    contents = paths.bundle.read_bytes(), paths.encrypted_bundle.read_bytes()
    with pytest.raises(BakeryError, match="there are two bundles"):
        encrypt_bundle(paths, Lock(recipients=(key,)))
    with pytest.raises(BakeryError, match="there are two bundles"):
        decrypt_bundle(paths)
    assert contents == (paths.bundle.read_bytes(), paths.encrypted_bundle.read_bytes())


def _leave_temporary(paths: StatePaths) -> Path:
    """The file that a ``decrypt`` leaves that is killed before it gives the file its name."""
    left = temporary_beside(paths.bundle)
    write_new(left, paths.bundle.read_bytes(), mode=0o600)
    return left


def test_encrypt_deletes_what_a_killed_decrypt_left(paths: StatePaths, key: str) -> None:
    plain, left = paths.bundle.read_bytes(), _leave_temporary(paths)
    for _ in range(2):
        assert left.read_bytes() == plain, "control: it holds the CA keys"
        encrypt_bundle(paths, Lock(recipients=(key,)))
        assert not left.exists()
        write_new(left, plain, mode=0o600)


def test_decrypt_deletes_what_a_killed_one_left(paths: StatePaths, key: str) -> None:
    left = _leave_temporary(paths)
    decrypt_bundle(paths)
    assert not left.exists()


def test_what_a_killed_decrypt_left_is_named_until_it_is_deleted(paths: StatePaths, key: str) -> None:
    """In plain text the bundle is beside it: control."""
    reporter, left = RecordingReporter(), _leave_temporary(paths)
    find_bundle(paths, reporter=reporter)
    assert reporter.warnings == []
    encrypt_bundle(paths, Lock(recipients=(key,)))
    write_new(left, b"{}", mode=0o600)
    write_new(temporary_beside(paths.encrypted_bundle), b"encrypted", mode=0o600)
    find_bundle(paths, reporter=reporter)
    assert reporter.warnings == [f"{left} holds the credentials in plain text; run: rm {left}"]


@pytest.mark.parametrize("encrypted", [False, True])
def test_encrypt_refuses_a_symbolic_link(paths: StatePaths, key: str, tmp_path: Path, encrypted: bool) -> None:  # noqa: FBT001 - a parameter of pytest
    """It would replace the link, and the keys would stay in its target. Control: without a link, above."""
    if encrypted:
        encrypt_bundle(paths, Lock(recipients=(key,)))
    file, target = paths.encrypted_bundle if encrypted else paths.bundle, tmp_path / "elsewhere"
    file.rename(target)
    file.symlink_to(target)
    before = target.read_bytes()
    with pytest.raises(CredentialsError) as caught:
        encrypt_bundle(paths, Lock(recipients=(key,)))
    assert caught.value.message == f"{file} is a symbolic link to {target}, which would stay as it is"
    assert caught.value.hint == f"move the bundle into the link's place first: mv {target} {file}"
    assert (file.is_symlink(), target.read_bytes()) == (True, before)
    assert paths.bundle.exists() is not encrypted


def test_a_new_bundle_is_not_encrypted_to_a_stranger(
    tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: with the identity at hand the same recipient is taken."""
    paths = paths_in(tmp_path / "new")
    monkeypatch.setenv("BAKERY_AGE_RECIPIENT", str(pyrage.x25519.Identity.generate().to_public()))
    with pytest.raises(CredentialsError, match="no identity of the recipient is on this machine") as caught:
        ensure_bundle(paths, "demo", now=NOW)
    assert "name one in BAKERY_AGE_RECIPIENT whose identity is here" in str(caught.value.hint)
    assert not paths.bundle.exists()
    assert not paths.encrypted_bundle.exists()
    monkeypatch.setenv("BAKERY_AGE_RECIPIENT", key)
    assert ensure_bundle(paths, "demo", now=NOW) == find_bundle(paths)


def test_an_ecdsa_key_is_refused_as_one(paths: StatePaths) -> None:
    """Age has no recipients of that kind; pyrage says of it that its Bech32 encoding is invalid."""
    ecdsa = ec.generate_private_key(ec.SECP256R1()).public_key()
    text = ecdsa.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    for public, kind in (
        (text, "ecdsa-sha2-nistp256"),
        ("sk-ssh-ed25519@openssh.com AAAA", "sk-ssh-ed25519@openssh.com"),
    ):
        with pytest.raises(CredentialsError) as caught:
            encrypt_bundle(paths, Lock(recipients=(public,)))
        assert caught.value.message == f"--recipient is an SSH key of type {kind}, to which age does not encrypt"
        assert caught.value.details is None
        assert (
            caught.value.hint
            == "give an SSH public key of type ssh-ed25519 or ssh-rsa, or an age recipient (age1...)"
        )


def test_a_folder_that_is_back_from_a_backup_is_hidden_from_git(paths: StatePaths, key: str) -> None:
    """Only the cluster's folder was brought back, not the file beside it."""
    paths.gitignore.unlink()
    encrypt_bundle(paths, Lock(recipients=(key,)))
    assert paths.gitignore.read_text() == "*\n"
    paths.gitignore.unlink()
    decrypt_bundle(paths)
    assert paths.gitignore.read_text() == "*\n"
