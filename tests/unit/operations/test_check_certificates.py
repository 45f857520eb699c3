"""The user's certificates: those that fit, and those that are refused with their place in the cluster file."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bakery.config.load import load_cluster
from bakery.credentials.certificates import read_certificates, uncovered
from bakery.credentials.model import Leaf
from bakery.errors import ConfigError, CredentialsError
from bakery.operations.check_certificates import check_certificates
from tests.helpers.reporter import RecordingReporter
from tests.helpers.tls import forge_leaf, unconstrained_authority

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
AUTHORITY = unconstrained_authority(now=NOW)


def leaf(*names: str, begins: datetime = NOW - DAY, ends: datetime = NOW + DAY) -> Leaf:
    return forge_leaf(AUTHORITY, list(names), not_before=begins, not_after=ends)


def check(folder: Path, *pairs: Leaf, domains: Sequence[str] = (), more: str = "") -> list[str]:
    """Check a cluster file with these pairs, and return the warnings; ``certificates`` is in line 4, column 11."""
    for number, pair in enumerate(pairs):
        (folder / f"{number}.pem").write_text(pair.certificate)
        (folder / f"{number}-key.pem").write_text(pair.key)
    listed = ", ".join(f"{{cert: {number}.pem, key: {number}-key.pem}}" for number in range(len(pairs)))
    file = folder / "bakery.yaml"
    file.write_text(
        "version: 1\ncluster: demo\nroles: {consul-server: {}, ingress: {count: 1}}\n"
        f"ingress: {{certificates: [{listed}], domains: [{', '.join(domains)}]{more}}}\n"
    )
    reporter = RecordingReporter()
    check_certificates(load_cluster(file), reporter)
    return reporter.warnings


def refusal(folder: Path, *pairs: Leaf, domains: Sequence[str] = ()) -> tuple[int, int, str]:
    with pytest.raises(ConfigError) as caught:
        check(folder, *pairs, domains=domains)
    (problem,) = caught.value.problems
    return problem.line, problem.column, problem.message


def test_certificates_that_fit_are_accepted(tmp_path: Path) -> None:
    check(tmp_path, leaf("example.com", "*.example.com"), leaf("b.example.org"))
    check(
        tmp_path,
        leaf("example.com", "*.example.com"),
        leaf("b.example.org"),
        domains=["example.com", "www.example.com", "b.example.org"],
    )
    # The rest is requested from the ACME server.
    more = ", acme_email: ops@example.com"
    check(tmp_path, leaf("example.com"), domains=["example.com", "www.example.com"], more=more)


def test_a_certificate_in_its_last_week_is_warned_of(tmp_path: Path) -> None:
    """Control: another with more than a week is not."""
    soon = NOW.replace(microsecond=0) + 6 * DAY
    warned = check(tmp_path, leaf("a.example.com", ends=NOW + 8 * DAY), leaf("b.example.com", ends=soon))
    assert warned == [
        f"1.pem ends on {soon:%Y-%m-%d %H:%M} UTC: an ingress node keeps it until the node is replaced"
    ]


def test_the_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    one, two = leaf("a.example.com"), leaf("a.example.com")
    mixed = Leaf(certificate=one.certificate, key=two.key)
    place = refusal(tmp_path, mixed)
    assert place == (
        4, 40, "ingress.certificates[0].key: 0-key.pem is not the key of the certificate",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("pair", "column", "reason"),
    [
        (leaf("a.example.com", ends=NOW - timedelta(hours=1)), 27, "0.pem ended on"),
        (leaf("a.example.com", begins=NOW + timedelta(hours=1)), 27, "0.pem is not valid before"),
        (
            Leaf(
                certificate="-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                key=leaf("a.example.com").key,
            ),
            27,
            "0.pem has no certificate that can be read",
        ),
        (
            Leaf(
                certificate=leaf("a.example.com").certificate,
                key="-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            ),
            40,
            "0-key.pem has no private key that can be read",
        ),
    ],
)
def test_a_pair_that_cannot_be_used_is_refused(tmp_path: Path, pair: Leaf, column: int, reason: str) -> None:
    line, at, message = refusal(tmp_path, pair)
    assert (line, at) == (4, column)
    assert reason in message
    assert "AAAA" not in message


def test_a_certificate_for_other_names_is_refused(tmp_path: Path) -> None:
    place = refusal(tmp_path, leaf("other.example.com"), domains=["www.example.com"])
    assert place == (
        4, 27, "ingress.certificates[0].cert: 0.pem is for other.example.com, and for none of ingress.domains",
    )  # fmt: skip


def test_a_domain_without_a_certificate_is_refused(tmp_path: Path) -> None:
    domains = ["www.example.com", "example.com"]
    line, _, message = refusal(tmp_path, leaf("www.example.com"), domains=domains)
    assert (line, message) == (4, "ingress.domains[1]: no certificate is for example.com")


def test_a_wildcard_stands_for_one_label() -> None:
    names = ["*.example.com", "Example.org"]
    asked = ["a.example.com", "example.com", "a.b.example.com", "example.org"]
    assert list(uncovered(asked, names)) == ["example.com", "a.b.example.com"]


def test_a_key_that_is_gone_is_named(tmp_path: Path) -> None:
    check(tmp_path, leaf("a.example.com"))
    config = load_cluster(tmp_path / "bakery.yaml")
    (tmp_path / "0-key.pem").unlink()
    with pytest.raises(CredentialsError, match=r"the key of the certificate 0\.pem cannot be read from"):
        read_certificates(config.ingress, tmp_path)
