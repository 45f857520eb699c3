"""The folder of issued credentials: what it contains, and what is left of it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from bakery.credentials.issued import (
    Issued,
    certificate_end,
    create_issued,
    find_issued,
    list_issued,
    longest_ttl,
    remove_issued,
)
from bakery.credentials.store import create_bundle
from bakery.errors import CredentialsError
from tests.helpers.state import paths_in

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
BUNDLE = create_bundle("demo", now=NOW)
ISSUED = Issued(
    name="ci",
    role="deploy",
    namespace="dev",
    expires=NOW + timedelta(hours=2),
    certificate_ends=NOW + timedelta(days=1),
)


def test_the_certificates_are_a_clients_and_end_with_the_record(tmp_path: Path) -> None:
    files = create_issued(BUNDLE, paths_in(tmp_path), ISSUED, now=NOW)
    names = {files.consul_cert: "ci.cli.demo.consul", files.nomad_cert: "ci.cli.global.nomad"}
    for file, name in names.items():
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert name in alternative.get_values_for_type(x509.DNSName)
        assert list(purposes) == [ExtendedKeyUsageOID.CLIENT_AUTH]
        assert certificate.not_valid_after_utc == ISSUED.certificate_ends
    assert files.folder.stat().st_mode & 0o777 == 0o700


def test_no_secret_of_the_cluster_is_in_it(tmp_path: Path) -> None:
    files = create_issued(BUNDLE, paths_in(tmp_path), ISSUED, now=NOW)
    content = "".join(file.read_text() for file in files.folder.iterdir())
    for secret in (
        BUNDLE.consul_ca.key, BUNDLE.nomad_ca.key, BUNDLE.consul_operator.key, BUNDLE.nomad_operator.key,
        BUNDLE.consul_gossip_key, BUNDLE.nomad_gossip_key, BUNDLE.token_seed,
        BUNDLE.consul_management.secret, BUNDLE.nomad_management.secret,
    ):  # fmt: skip
        assert secret not in content
    assert BUNDLE.consul_ca.certificate in content  # control


def test_the_record_is_read_back_and_removed(tmp_path: Path) -> None:
    paths = paths_in(tmp_path)
    assert (find_issued(paths, "ci"), list_issued(paths), remove_issued(paths, "ci")) == (None, (), False)
    create_issued(BUNDLE, paths, ISSUED, now=NOW)
    assert (find_issued(paths, "ci"), list_issued(paths)) == (ISSUED, (ISSUED,))
    with pytest.raises(FileExistsError):
        create_issued(BUNDLE, paths, ISSUED, now=NOW)
    assert remove_issued(paths, "ci")
    assert list_issued(paths) == ()


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    paths = paths_in(tmp_path)
    files = create_issued(BUNDLE, paths, ISSUED, now=NOW)
    files.record.write_text('{"name": "ci"}')
    with pytest.raises(CredentialsError) as caught:
        find_issued(paths, "ci")
    assert caught.value.message == f"{files.record} cannot be read"


def test_a_certificate_lasts_whole_days_and_not_longer_than_its_ca() -> None:
    ends = [certificate_end(BUNDLE, NOW + timedelta(hours=hours), now=NOW) for hours in (1, 24, 25)]
    assert ends == [NOW + timedelta(days=1), NOW + timedelta(days=1), NOW + timedelta(days=2)]
    ca_ends = NOW + timedelta(days=3650)
    assert certificate_end(BUNDLE, ca_ends - timedelta(hours=1), now=NOW + timedelta(hours=5)) == ca_ends
    assert longest_ttl(BUNDLE, now=NOW, leaf_days=30) == timedelta(days=30)
    assert longest_ttl(BUNDLE, now=NOW + timedelta(days=3649), leaf_days=30) == timedelta(days=1)
