"""The key ``ingress``: what it means, and what is refused, with place and words, by hand."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, ValidationError

from bakery.config.load import parse_cluster
from bakery.config.model import (
    NO_INGRESS,
    BalancerCertificate,
    CertificateFiles,
    Ingress,
    LoadBalancer,
    ReservedIp,
)
from bakery.config.reading import read_document
from bakery.config.schema import json_schema
from bakery.errors import ConfigError

HEAD = "version: 1\ncluster: demo\n"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n"
LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"


def ingress(text: str, count: int = 1) -> str:
    """A good file with ingress nodes; ``text`` begins in line 4, column 11."""
    roles = f"roles: {{consul-server: {{}}, ingress: {{count: {count}}}}}\n"
    return f"{HEAD}{roles}ingress: {{{text}}}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    for name, content in {"a.pem": CERTIFICATE, "a-key.pem": KEY, "ca.pem": CERTIFICATE}.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "bakery.txt").write_text("x\n")
    (tmp_path / "both.pem").write_text(CERTIFICATE + KEY)
    (tmp_path / "locked.pem").write_text(KEY.replace("PRIVATE", "ENCRYPTED PRIVATE"))
    return tmp_path / "bakery.yaml"


def problems(text: str, path: Path) -> list[tuple[int, int, str, str | None]]:
    with pytest.raises(ConfigError) as caught:
        parse_cluster(text, path)
    return [
        (each.line, each.column, each.message, None if each.hint is None else str(each.hint))
        for each in caught.value.problems
    ]


def test_every_key_can_be_set(file: Path) -> None:
    text = ingress(
        "domains: [www.example.com, example.com], acme_email: ops@example.com, acme_ca: ca.pem,"
        " acme_directory: 'https://ca.example.com/acme', certificates: [{cert: a.pem, key: a-key.pem}],"
        " load_balancer: {certificate: passthrough, proxy_protocol: false, direct_access: true},"
        " reserved_ip: none"
    )
    assert parse_cluster(text, file).ingress == Ingress(
        domains=("www.example.com", "example.com"),
        acme_email="ops@example.com",
        acme_directory="https://ca.example.com/acme",
        acme_ca=CERTIFICATE,
        certificates=(CertificateFiles(cert="a.pem", key="a-key.pem", certificate=CERTIFICATE),),
        load_balancer=LoadBalancer(
            certificate=BalancerCertificate.PASSTHROUGH, proxy_protocol=False, direct_access=True
        ),
        reserved_ip=ReservedIp.NONE,
    )


def test_the_defaults(file: Path) -> None:
    assert parse_cluster(HEAD, file).ingress == NO_INGRESS
    assert parse_cluster(ingress("load_balancer: false"), file).ingress == NO_INGRESS
    acme = parse_cluster(ingress("domains: [a.example.com], acme_email: a@example.com"), file).ingress
    assert acme.acme_directory == LETS_ENCRYPT
    text = ingress("domains: [a.example.com], load_balancer: {certificate: lets-encrypt}")
    balancer = LoadBalancer(certificate=BalancerCertificate.LETS_ENCRYPT, proxy_protocol=True)
    assert parse_cluster(text, file).ingress.load_balancer == balancer


ACME = "domains: [a.example.com], acme_email: a@example.com"
REFUSED = {
    "a scheme": (
        ingress("domains: ['https://a.example.com'], acme_email: a@example.com"), 4, 21,
        'ingress.domains[0] "https://a.example.com" is not a domain',
        "lower-case, without scheme and port: www.example.com",
    ),
    "one label": (
        ingress("domains: [localhost], acme_email: a@example.com"), 4, 21,
        'ingress.domains[0] "localhost" is not a domain',
        "lower-case, without scheme and port: www.example.com",
    ),
    "an address": (
        ingress("domains: [203.0.113.7], acme_email: a@example.com"), 4, 21,
        'ingress.domains[0] "203.0.113.7" is not a domain',
        "lower-case, without scheme and port: www.example.com",
    ),
    "a wildcard": (
        ingress("domains: ['*.example.com'], acme_email: a@example.com"), 4, 21,
        'ingress.domains[0] "*.example.com": a certificate for every name would need DNS-01',
        "list the names; DNS-01 would need a token of your account on the node",
    ),
    "a domain twice": (
        ingress("domains: [a.example.com, a.example.com], acme_email: a@example.com"), 4, 36,
        'ingress.domains[1] "a.example.com" is given twice', "keep one of them",
    ),
    "no e-mail address": (
        ingress("domains: [a.example.com], acme_email: ops"), 4, 49,
        'ingress.acme_email "ops" is not an e-mail address', "such as ops@example.com",
    ),
    "an e-mail address without domains": (
        ingress("acme_email: a@example.com"), 4, 11,
        "ingress.acme_email has no meaning without ingress.domains: they are what certificates are for",
        "add domains: [www.example.com]",
    ),
    "domains without certificates": (
        ingress("domains: [a.example.com]"), 4, 11,
        "ingress.domains has no meaning without acme_email or certificates: no certificate would be requested",
        "add acme_email: your address at Let's Encrypt, or certificates of your own",
    ),
    "certificates on two nodes": (
        ingress(ACME, count=2), 4, 37,
        "ingress.acme_email: 2 ingress nodes cannot request certificates: the ACME server's challenge reaches only"
        " one of them",
        "one node, load_balancer: {certificate: lets-encrypt}, or certificates of your own",
    ),
    "no ingress node": (
        f"{HEAD}roles: {{consul-server: {{}}}}\ningress: {{domains: [a.example.com]}}\n", 4, 1,
        "ingress has no meaning: no role is of kind ingress", "add the role: ingress: {count: 1}",
    ),
    "a directory over HTTP": (
        ingress(f"{ACME}, acme_directory: 'http://ca.example.com'"), 4, 80,
        'ingress.acme_directory "http://ca.example.com" is not an https URL', f"such as {LETS_ENCRYPT}",
    ),
    "a directory without ACME": (
        ingress("acme_directory: 'https://ca.example.com'"), 4, 11,
        "ingress.acme_directory has no meaning without ingress.acme_email",
        "add acme_email: your address at the ACME server",
    ),
    "a CA that does not exist": (
        ingress(f"{ACME}, acme_ca: gone.pem"), 4, 73, "ingress.acme_ca: there is no file gone.pem",
        "the path is relative to the folder of the cluster file",
    ),
    "a certificate as text": (
        ingress("certificates: [a.pem]"), 4, 26,
        'ingress.certificates[0] must be a mapping, not text',
        "for example: certificates: [{cert: example.pem, key: example-key.pem}]",
    ),
    "a certificate without its key": (
        ingress("certificates: [{cert: a.pem}]"), 4, 26, "ingress.certificates[0] needs cert and key",
        "for example: {cert: example.pem, key: example-key.pem}",
    ),
    "an unknown key of a certificate": (
        ingress("certificates: [{cert: a.pem, key: a-key.pem, ca: ca.pem}]"), 4, 56,
        'unknown key "ca" in ingress.certificates[0]', "known names: cert, key",
    ),
    "a certificate that does not exist": (
        ingress("certificates: [{cert: gone.pem, key: a-key.pem}]"), 4, 33,
        "ingress.certificates[0].cert: there is no file gone.pem",
        "the path is relative to the folder of the cluster file",
    ),
    "a key in the certificate's place": (
        ingress("certificates: [{cert: a-key.pem, key: a-key.pem}]"), 4, 33,
        "ingress.certificates[0].cert: a-key.pem contains no certificate",
        "it contains a private key: cert and key may be interchanged",
    ),
    "a certificate in the key's place": (
        ingress("certificates: [{cert: a.pem, key: a.pem}]"), 4, 45,
        "ingress.certificates[0].key: a.pem contains no private key",
        "it contains a certificate: cert and key may be interchanged",
    ),
    "another file in the certificate's place": (
        ingress("certificates: [{cert: bakery.txt, key: a-key.pem}]"), 4, 33,
        "ingress.certificates[0].cert: bakery.txt contains no certificate",
        "a PEM file: -----BEGIN CERTIFICATE-----",
    ),
    "a key beside the certificate": (
        ingress("certificates: [{cert: both.pem, key: a-key.pem}]"), 4, 33,
        "ingress.certificates[0].cert: both.pem contains a private key", "the key has a file of its own",
    ),
    "a key with a passphrase": (
        ingress("certificates: [{cert: a.pem, key: locked.pem}]"), 4, 45,
        "ingress.certificates[0].key: locked.pem has a passphrase",
        "openssl pkey -in locked.pem writes it without one",
    ),
    "a load balancer that is true": (
        ingress("load_balancer: true"), 4, 26, "ingress.load_balancer must be a mapping, not true",
        "for example: load_balancer: {certificate: passthrough}, or load_balancer: false",
    ),
    "an unknown place for TLS": (
        ingress("load_balancer: {certificate: letsencrypt}"), 4, 40,
        'ingress.load_balancer.certificate must be one of lets-encrypt, passthrough, not the text "letsencrypt"',
        "did you mean lets-encrypt?",
    ),
    "an unknown key of the load balancer": (
        ingress(f"{ACME}, load_balancer: {{certificates: passthrough}}"), 4, 80,
        'unknown key "certificates" in ingress.load_balancer', "did you mean certificate?",
    ),
    "lets-encrypt without domains": (
        ingress("load_balancer: {certificate: lets-encrypt}"), 4, 11,
        "ingress.load_balancer: lets-encrypt needs ingress.domains, for the certificate",
        "add domains: [www.example.com]",
    ),
    "two ends of TLS": (
        ingress(f"{ACME}, load_balancer: {{certificate: lets-encrypt}}"), 4, 37,
        "ingress.acme_email has no meaning: TLS ends at the load balancer",
        "remove it, or write load_balancer: {certificate: passthrough}",
    ),
    "no end of TLS": (
        ingress("load_balancer: {}"), 4, 11,
        "ingress.load_balancer: passthrough needs certificates on the ingress nodes, and there are none",
        "add certificates or acme_email, or write load_balancer: {certificate: lets-encrypt}",
    ),
    "two addresses": (
        ingress(f"{ACME}, load_balancer: {{}}, reserved_ip: auto"), 4, 96,
        "ingress.reserved_ip cannot be auto: the load balancer has an address of its own", "remove it",
    ),
    "one address of two nodes": (
        ingress("reserved_ip: auto", count=2), 4, 24,
        "ingress.reserved_ip cannot be auto: an address belongs to one droplet, and there are 2 ingress nodes",
        "remove it",
    ),
    "a reserved address that is true": (
        ingress("reserved_ip: true"), 4, 24, "ingress.reserved_ip must be one of none, auto, not true",
        "known names: none, auto",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "column", "message", "hint"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(file: Path, text: str, line: int, column: int, message: str, hint: str | None) -> None:
    assert problems(text, file) == [(line, column, message, hint)]


@pytest.mark.parametrize("value", ["false", "{}", "{certificate: passthrough}"])
def test_the_schema_accepts_both_forms_of_the_load_balancer(value: str) -> None:
    Draft202012Validator(json_schema()).validate(_plain(ingress(f"load_balancer: {value}")))


@pytest.mark.parametrize("value", ["true", "null", "{certificate: mine}"])
def test_the_schema_refuses_others(value: str) -> None:
    with pytest.raises(ValidationError):
        Draft202012Validator(json_schema()).validate(_plain(ingress(f"load_balancer: {value}")))


def _plain(text: str) -> object:
    root = read_document(text).root
    assert root is not None
    return root.plain()
