"""What the openssl command says of our certificates and of the browser's file."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from bakery.config.model import Kind
from bakery.credentials.authority import create_authority, issue_leaf
from bakery.credentials.browser import browser_certificate
from bakery.credentials.issue import issue_for_node
from bakery.credentials.model import Agent, Authority, Bundle
from bakery.credentials.store import create_bundle
from bakery.errors import CommandError
from bakery.proc import run
from tests.helpers.tls import cross_sign, unconstrained_authority

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return create_bundle("demo", now=NOW)


def verify(folder: Path, ca: Authority, certificate: str, purpose: str) -> str:
    """``openssl verify`` with every strictness it has."""
    (folder / "ca.pem").write_text(ca.certificate, encoding="ascii")
    (folder / "leaf.pem").write_text(certificate, encoding="ascii")
    argv = ["verify", "-x509_strict", "-check_ss_sig", "-policy_check", "-purpose", purpose, "-CAfile", "ca.pem"]
    return run(["openssl", *argv, "leaf.pem"], cwd=folder).stdout


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("purpose", ["sslserver", "sslclient"])
def test_every_nodes_certificates_verify_strictly(
    bundle: Bundle, tmp_path: Path, kind: Kind, purpose: str
) -> None:
    node = issue_for_node(bundle, name="demo-x-1", kind=kind, now=NOW)
    assert verify(tmp_path, bundle.consul_ca, node.consul.certificate, purpose) == "leaf.pem: OK\n"
    if node.nomad is not None:
        assert verify(tmp_path, bundle.nomad_ca, node.nomad.certificate, purpose) == "leaf.pem: OK\n"


def test_the_operators_verifies_as_a_client_only(bundle: Bundle, tmp_path: Path) -> None:
    operator = bundle.consul_operator.certificate
    assert verify(tmp_path, bundle.consul_ca, operator, "sslclient") == "leaf.pem: OK\n"
    with pytest.raises(CommandError) as caught:
        verify(tmp_path, bundle.consul_ca, operator, "sslserver")
    assert "purpose" in str(caught.value.details)


def test_the_other_ca_does_not_vouch(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(CommandError) as caught:
        verify(tmp_path, bundle.nomad_ca, bundle.consul_operator.certificate, "sslclient")
    assert "unable to get local issuer certificate" in str(caught.value.details)


def test_a_ca_can_sign_its_successor(bundle: Bundle, tmp_path: Path) -> None:
    """A node that trusts the old CA alone accepts a leaf of the new one. Control: not with the path length 0."""
    successor = create_authority("consul", "demo", now=NOW)
    leaf = issue_leaf(successor, names=["server.demo.consul"], client=True, server=True, now=NOW)
    assert verify_through(tmp_path, bundle.consul_ca, successor, leaf.certificate) == "leaf.pem: OK\n"
    with pytest.raises(CommandError) as caught:
        verify_through(tmp_path, unconstrained_authority(now=NOW), successor, leaf.certificate)
    assert "path length constraint exceeded" in str(caught.value.details)


def verify_through(folder: Path, old: Authority, new: Authority, certificate: str) -> str:
    (folder / "cross.pem").write_text(cross_sign(old, new), encoding="ascii")
    (folder / "ca.pem").write_text(old.certificate, encoding="ascii")
    (folder / "leaf.pem").write_text(certificate, encoding="ascii")
    argv = ["openssl", "verify", "-CAfile", "ca.pem", "-untrusted", "cross.pem", "leaf.pem"]
    return run(argv, cwd=folder).stdout


@pytest.mark.parametrize("which", ["consul", "nomad"])
def test_openssl_opens_the_browser_file(bundle: Bundle, tmp_path: Path, which: Agent) -> None:
    content = browser_certificate(bundle, which, "pass wörd", now=NOW)
    (tmp_path / "browser.p12").write_bytes(content)
    argv = ["openssl", "pkcs12", "-in", "browser.p12", "-info", "-noenc", "-passin", "stdin"]
    opened = run(argv, cwd=tmp_path, stdin="pass wörd\n")
    made = load_pkcs12(content, "pass wörd".encode())
    assert made.cert is not None
    assert isinstance(made.key, ec.EllipticCurvePrivateKey)
    key = made.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    certificate = made.cert.certificate.public_bytes(Encoding.PEM).decode()
    ca = bundle.consul_ca if which == "consul" else bundle.nomad_ca
    for pem in (certificate, key, ca.certificate):
        assert pem in opened.stdout
    assert "PBES2, PBKDF2, AES-256-CBC" in opened.stderr
    assert "MAC: sha256" in opened.stderr
    with pytest.raises(CommandError):
        run(argv, cwd=tmp_path, stdin="another\n")
