"""The operator's TLS files: certificates for a day, made anew before they end, for a key that stays."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from bakery.config.paths import StatePaths
from bakery.credentials.model import Bundle
from bakery.credentials.operator import write_operator_files
from bakery.credentials.store import create_bundle
from tests.helpers.state import paths_in

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATER = NOW + 400 * DAY
"""When the certificates that the bundle was made with have ended."""


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StatePaths:
    monkeypatch.delenv("BAKERY_STATE_DIR", raising=False)
    return paths_in(tmp_path)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return create_bundle("demo", now=NOW)


def parsed(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())


def inodes(paths: StatePaths) -> dict[str, int]:
    return {file.name: file.stat().st_ino for file in paths.folder.glob("*.pem")}


def test_the_certificates_are_the_cas_for_the_key_beside_them_and_last_a_day(
    bundle: Bundle, paths: StatePaths
) -> None:
    write_operator_files(bundle, paths, now=LATER)
    for ca, certificate_file, key_file, name in (
        (paths.consul_ca, paths.consul_cert, paths.consul_key, "cli.demo.consul"),
        (paths.nomad_ca, paths.nomad_cert, paths.nomad_key, "cli.global.nomad"),
    ):
        certificate = parsed(certificate_file)
        certificate.verify_directly_issued_by(parsed(ca))
        assert certificate.not_valid_before_utc == LATER - HOUR
        assert certificate.not_valid_after_utc == LATER + DAY
        key = load_pem_private_key(key_file.read_bytes(), password=None)
        assert key.public_key() == certificate.public_key()
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == [name, "localhost"]
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert list(purposes) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_cas_and_keys_are_the_bundles(bundle: Bundle, paths: StatePaths) -> None:
    write_operator_files(bundle, paths, now=NOW)
    assert paths.consul_ca.read_text() == bundle.consul_ca.certificate
    assert paths.consul_key.read_text() == bundle.consul_operator.key
    assert paths.nomad_ca.read_text() == bundle.nomad_ca.certificate
    assert paths.nomad_key.read_text() == bundle.nomad_operator.key


def test_no_operator_file_holds_a_ca_key(bundle: Bundle, paths: StatePaths) -> None:
    write_operator_files(bundle, paths, now=NOW)
    for file in paths.folder.glob("*.pem"):
        assert bundle.consul_ca.key not in file.read_text()
        assert bundle.nomad_ca.key not in file.read_text()


@pytest.mark.parametrize(
    ("after", "renewed"),
    [
        (timedelta(0), False),
        (12 * HOUR, False),
        (12 * HOUR + timedelta(seconds=1), True),
        (25 * HOUR, True),
        (-2 * HOUR, True),  # a clock that was put back: not valid yet
    ],
)
def test_a_certificate_is_made_anew_when_half_its_day_is_over(
    bundle: Bundle, paths: StatePaths, after: timedelta, *, renewed: bool
) -> None:
    write_operator_files(bundle, paths, now=LATER)
    before = inodes(paths)
    write_operator_files(bundle, paths, now=LATER + after)
    changed = {name for name, inode in inodes(paths).items() if inode != before[name]}
    assert changed == ({"consul-cert.pem", "nomad-cert.pem"} if renewed else set())
    assert parsed(paths.consul_cert).not_valid_after_utc == LATER + DAY + (after if renewed else timedelta(0))


def test_what_another_version_or_bundle_wrote_is_replaced(bundle: Bundle, paths: StatePaths) -> None:
    """The stored certificate lasts a year, as bakery 0.1 writes it; the other bundle's has another CA and key."""
    write_operator_files(create_bundle("demo", now=NOW), paths, now=NOW)
    paths.nomad_cert.write_text(bundle.nomad_operator.certificate)
    write_operator_files(bundle, paths, now=NOW)
    parsed(paths.consul_cert).verify_directly_issued_by(parsed(paths.consul_ca))
    assert parsed(paths.nomad_cert).not_valid_after_utc == NOW + DAY


def test_a_certificate_for_another_key_is_replaced(bundle: Bundle, paths: StatePaths) -> None:
    other = create_bundle("demo", now=NOW)
    write_operator_files(replace(bundle, consul_operator=other.consul_operator), paths, now=NOW)
    write_operator_files(bundle, paths, now=NOW)
    key = load_pem_private_key(paths.consul_key.read_bytes(), password=None)
    assert parsed(paths.consul_cert).public_key() == key.public_key()


@pytest.mark.parametrize("content", ["", "spoilt", "-----BEGIN CERTIFICATE-----\nspoilt\n"])
def test_a_damaged_or_open_file_is_written_again(bundle: Bundle, paths: StatePaths, content: str) -> None:
    write_operator_files(bundle, paths, now=NOW)
    before = inodes(paths)
    paths.consul_cert.write_text(content)
    paths.consul_key.write_text(content)
    for file in (paths.nomad_cert, paths.nomad_key):
        file.chmod(0o644)
    write_operator_files(bundle, paths, now=NOW)
    assert parsed(paths.consul_cert).not_valid_after_utc == NOW + DAY
    assert paths.consul_key.read_text() == bundle.consul_operator.key
    assert {file.stat().st_mode & 0o777 for file in paths.folder.glob("*.pem")} == {0o600}
    assert paths.consul_ca.stat().st_ino == before[paths.consul_ca.name]


def test_with_an_expired_ca_the_cluster_can_still_be_destroyed(bundle: Bundle, paths: StatePaths) -> None:
    """The certificates are of no use then, but no command stops at them."""
    write_operator_files(bundle, paths, now=NOW + 11 * 365 * DAY)
    assert paths.consul_cert.read_text() == bundle.consul_operator.certificate


def test_shells_that_run_at_once_always_read_a_certificate_with_its_key(bundle: Bundle, paths: StatePaths) -> None:
    """Four commands write, each at another hour, while a fifth reads as its TLS library would."""
    write_operator_files(bundle, paths, now=LATER)
    done = threading.Event()
    wrong: list[str] = []

    def read() -> None:
        while not done.is_set():
            certificate, key = paths.consul_cert.read_bytes(), paths.consul_key.read_bytes()
            public = load_pem_private_key(key, password=None).public_key()
            if x509.load_pem_x509_certificate(certificate).public_key() != public:
                wrong.append("a certificate without its key")

    def write(start: int) -> None:
        for hours in range(start, 300, 13):
            write_operator_files(bundle, paths, now=LATER + hours * HOUR)

    reader = threading.Thread(target=read)
    reader.start()
    writers = [threading.Thread(target=write, args=(start,)) for start in range(4)]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert wrong == []
    assert list(paths.folder.glob(".*.tmp")) == []
