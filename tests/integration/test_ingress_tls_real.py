"""Certificates with real Traefik: one's own, and from a real ACME server by both challenges."""

import runpy
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509

from bakery.assets import PACKER
from bakery.config.model import CertificateFiles, Ingress
from bakery.credentials.model import Leaf
from bakery.operations.served_certificates import without_certificate
from bakery.wait import Pending
from tests.helpers.acme_limit import limiting
from tests.helpers.ingress import cluster_with_acls, eventually, registered, rule, serving
from tests.helpers.pebble import Pebble, running_pebble
from tests.helpers.ports import free_port
from tests.helpers.real_agents import LOOPBACK, RealCluster, write_tls
from tests.helpers.real_traefik import RealTraefik, requesting_certificates, running_traefik
from tests.helpers.tls import forge_leaf, unconstrained_authority

pytestmark = pytest.mark.integration

OWN, OTHER = "own.example.com", "other.example.com"
CERTIFICATE_SECONDS = 30.0
"""Within this time after its start Traefik has a certificate."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    with cluster_with_acls(tmp_path_factory.mktemp("ingress-tls")) as running:
        yield running


def issuer(der: bytes) -> str:
    return x509.load_der_x509_certificate(der).issuer.rfc4514_string()


def names(der: bytes) -> list[str]:
    found = x509.load_der_x509_certificate(der).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return found.value.get_values_for_type(x509.DNSName)


def test_ones_own_certificate_is_served_and_plain_http_is_redirected(cluster: RealCluster, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    ca = unconstrained_authority(now=now)
    leaf = forge_leaf(ca, [OWN], not_before=now - timedelta(hours=1), not_after=now + timedelta(days=1))
    files = CertificateFiles(cert="own.pem", key="own-key.pem", certificate=leaf.certificate)
    ingress = Ingress(certificates=(files,))
    with (
        running_traefik(cluster, tmp_path, ingress=ingress, certificates=[leaf]) as traefik,
        serving("hello") as port,
        registered(cluster, "web", port, *rule("web", f"Host(`{OWN}`)")),
    ):
        answer = eventually(lambda: _ok(traefik, OWN, ca.certificate), "HTTPS", 10)
        assert answer == "hello"
        redirect = traefik.get(OWN, "/a?b=c")
        assert (redirect.status, redirect.headers["Location"]) == (
            301, f"https://{OWN}:{traefik.ports['websecure']}/a?b=c",
        )  # fmt: skip
        with pytest.raises(ssl.SSLCertVerificationError):
            traefik.get_tls(OTHER, ca=ca.certificate)  # control: no other name is vouched for


def _ok(traefik: RealTraefik, host: str, ca: str) -> str | Pending:
    answer = traefik.get_tls(host, ca=ca)
    return answer.text if answer.status == 200 else Pending(str(answer.status))


def test_without_certificates_plain_http_is_not_redirected(cluster: RealCluster, tmp_path: Path) -> None:
    """Control for the redirects of the other tests."""
    with running_traefik(cluster, tmp_path) as traefik:
        assert traefik.get(OWN).status == 404
        # With Traefik's own certificate, which no client trusts.
        assert eventually(lambda: traefik.get_tls(OWN).status, "TLS", 10) == 404


def acme(pebble: Pebble, *domains: str, directory: str = "") -> Ingress:
    return Ingress(
        domains=domains,
        acme_email="ops@example.com",
        acme_directory=directory or pebble.directory,
        acme_ca=pebble.authority.certificate,
    )


@pytest.fixture
def ports() -> dict[str, int]:
    return {name: free_port() for name in ("web", "websecure", "ping")}


def test_a_certificate_is_there_before_the_first_service(
    cluster: RealCluster, tmp_path: Path, ports: dict[str, int]
) -> None:
    with (
        running_pebble(tmp_path, http_port=ports["web"], tls_port=ports["websecure"]) as pebble,
        running_traefik(cluster, tmp_path, ingress=acme(pebble, OWN, OTHER), ports=ports) as traefik,
        requesting_certificates(tmp_path, ports["websecure"]) as requests,
    ):
        missing = partial(without_certificate, (OWN, OTHER), LOOPBACK, ports["websecure"])
        eventually(lambda: missing() == (OWN, OTHER) or Pending(str(missing())), "an answer to TLS", 10)
        (tmp_path / "addresses" / OWN).touch()
        eventually(partial(_issued, traefik, OWN), f"a certificate for {OWN}", CERTIFICATE_SECONDS)
        assert OTHER not in pebble.log, "a domain without an address costs no attempt"
        assert missing() == (OTHER,), "bakery status names it"
        (tmp_path / "addresses" / OTHER).touch()
        eventually(partial(_issued, traefik, OTHER), f"a certificate for {OTHER}", CERTIFICATE_SECONDS)
        assert missing() == ()
        assert requests.wait(10) == 0, "it ends when Traefik has both"
        root = pebble.root()
        assert traefik.get_tls(OWN, ca=root).status == 404, "no service has a route yet"
        assert traefik.get(OWN).status == 301
        with serving("hello") as port, registered(cluster, "web", port, *rule("web", f"Host(`{OWN}`)")):
            assert eventually(lambda: _ok(traefik, OWN, root), "HTTPS", 10) == "hello"
        with serving("x") as port, registered(cluster, "thief", port, *rule("thief", "Host(`thief.example.com`)")):
            eventually(partial(_routed, traefik, "thief.example.com"), "the route", 10)
            assert "thief.example.com" not in pebble.log, "a tag does not request a certificate"


def test_where_one_challenge_fails_the_other_is_tried_and_traefik_serves_meanwhile(
    cluster: RealCluster, tmp_path: Path, ports: dict[str, int]
) -> None:
    """Nothing listens where pebble validates by HTTP-01."""
    with (
        running_pebble(tmp_path, http_port=free_port(), tls_port=ports["websecure"]) as pebble,
        running_traefik(cluster, tmp_path, ingress=acme(pebble, OWN), ports=ports) as traefik,
        requesting_certificates(tmp_path, ports["websecure"]) as requests,
        serving("hello") as port,
        registered(cluster, "web", port, *rule("web", f"Host(`{OWN}`)")),
    ):
        (tmp_path / "addresses" / OWN).touch()
        refused = "Unable to obtain ACME certificate"
        eventually(lambda: refused in traefik.log or Pending(traefik.log[-300:]), "the refusal")
        assert eventually(lambda: traefik.get_tls(OWN).text, "HTTPS without trust", 10) == "hello"
        eventually(partial(_issued, traefik, OWN), f"a certificate for {OWN}")
        assert "type=tls-alpn-01" in traefik.log
        assert requests.wait(10) == 0


def test_an_acme_server_that_limits_is_not_pressed_and_traefik_serves_meanwhile(
    cluster: RealCluster, tmp_path: Path, ports: dict[str, int]
) -> None:
    """The reason is in Traefik's log; one attempt is one order. The certificate comes when the limit is over."""
    with (
        running_pebble(tmp_path, http_port=ports["web"], tls_port=ports["websecure"]) as pebble,
        limiting(pebble, tmp_path) as server,
        running_traefik(
            cluster, tmp_path, ingress=acme(pebble, OWN, directory=server.directory), ports=ports
        ) as traefik,
        requesting_certificates(tmp_path, ports["websecure"]) as requests,
        serving("hello") as port,
        registered(cluster, "web", port, *rule("web", f"Host(`{OWN}`)")),
    ):
        (tmp_path / "addresses" / OWN).touch()
        eventually(lambda: "rateLimited" in traefik.log or Pending(traefik.log[-300:]), "the refusal")
        assert traefik.get_tls(OWN).text == "hello"
        assert without_certificate((OWN,), LOOPBACK, ports["websecure"]) == (OWN,)
        attempts = (tmp_path / "certificates.log").read_text().count("requesting by")
        assert server.refused <= attempts
        server.limited = False
        eventually(partial(_issued, traefik, OWN), f"a certificate for {OWN}")
        assert requests.wait(10) == 0


def test_a_connection_that_reaches_another_server_does_not_arrive_here(tmp_path: Path) -> None:
    """So that no attempt is made while a domain still points at the droplet before."""
    program = runpy.run_path(str(PACKER / "files/usr/local/lib/bakery/certificates"))
    arrives_here = program["arrives_here"]
    now = datetime.now(UTC)
    ca = unconstrained_authority(now=now)
    leaf = forge_leaf(ca, ["localhost"], not_before=now - timedelta(hours=1), not_after=now + timedelta(days=1))
    with serving_tls(tmp_path, leaf, "127.0.0.1") as port, serving_tls(tmp_path, leaf, "127.0.0.2", port):
        arrives_here.__globals__["HTTPS"] = port
        assert arrives_here("localhost")
        assert arrives_here("127.0.0.2"), "control: the same certificate"
    other = forge_leaf(ca, ["localhost"], not_before=now - timedelta(hours=1), not_after=now + timedelta(days=1))
    with serving_tls(tmp_path, leaf, "127.0.0.1") as port, serving_tls(tmp_path, other, "127.0.0.2", port):
        arrives_here.__globals__["HTTPS"] = port
        assert not arrives_here("127.0.0.2")
    assert not arrives_here("localhost"), "nothing listens"


@contextmanager
def serving_tls(folder: Path, leaf: Leaf, address: str, port: int = 0) -> Iterator[int]:
    """A server that shakes hands with whoever connects."""
    files = write_tls(folder / f"{address}-{port}-{leaf.certificate[-40:-30].encode().hex()}", "", leaf)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with context.wrap_socket(self.request, server_side=True):
                pass

    with socketserver.ThreadingTCPServer((address, port), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


def _routed(traefik: RealTraefik, host: str) -> bool | Pending:
    return True if traefik.get_tls(host).status == 200 else Pending("no route")


def _issued(traefik: RealTraefik, domain: str) -> bool | Pending:
    der = traefik.certificate(domain)
    return (
        True
        if "Pebble" in issuer(der) and domain in names(der)
        else Pending(f"{issuer(der)}: {traefik.log[-500:]}")
    )
