"""Traefik's configuration on an ingress node, against tables written by hand from its documentation."""

from dataclasses import replace
from typing import Any

import pytest

from bakery.config.model import (
    NO_INGRESS,
    BalancerCertificate,
    CertificateFiles,
    Ingress,
    Kind,
    LoadBalancer,
)
from bakery.errors import RenderError
from bakery.render.digest import config_digest
from bakery.render.model import Join
from bakery.render.user_data import render_node
from tests.helpers.clusters import INGRESS_TOKEN, make_credentials, make_leaf, make_plan, node_of
from tests.helpers.rendered import File, files_of, json_of

JOIN = Join(consul=("10.100.0.2",), nomad=())
DRAIN = {"lifeCycle": {"requestAcceptGraceTimeout": "20s", "graceTimeOut": "10s"}}
PLAIN: dict[str, Any] = {
    "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
    "log": {"level": "INFO", "noColor": True},
    "accessLog": {"format": "common"},
    "entryPoints": {
        "web": {
            "address": ":80", "asDefault": True, "transport": DRAIN, "http": {"aliasHeadersStrategy": "delete"},
        },
        "websecure": {
            "address": ":443", "asDefault": True, "transport": DRAIN,
            "http": {"aliasHeadersStrategy": "delete", "tls": {}},
        },
        "ping": {"address": ":8082", "transport": DRAIN},
    },
    "ping": {"entryPoint": "ping"},
    "providers": {
        "providersThrottleDuration": "1s",
        "consulCatalog": {
            "exposedByDefault": False,
            "watch": True,
            "endpoint": {"address": "unix:///run/consul/http.sock", "token": INGRESS_TOKEN},
        },
        "file": {"directory": "/var/lib/traefik/routes", "watch": True},
    },
}  # fmt: skip
REDIRECT = {"entryPoint": {"to": "websecure", "scheme": "https"}}
OWN = CertificateFiles(cert="a.pem", key="a-key.pem", certificate="a")
ACME = Ingress(
    domains=("a.example.com", "b.example.com"), acme_email="ops@example.com", acme_directory="https://ca/d"
)


def rendered(ingress: Ingress = NO_INGRESS) -> dict[str, File]:
    return files_of(user_data(ingress))


def user_data(ingress: Ingress, certificates: int | None = None) -> Any:  # noqa: ANN401 - UserData
    plan = replace(make_plan(), ingress=ingress)
    held = len(ingress.certificates) if certificates is None else certificates
    leaves = tuple(make_leaf(f"own{number}") for number in range(1, held + 1))
    credentials = replace(make_credentials(Kind.INGRESS), certificates=leaves)
    return render_node(plan, node_of(plan, Kind.INGRESS), credentials, JOIN)


def config(ingress: Ingress = NO_INGRESS) -> dict[str, Any]:
    return json_of(user_data(ingress), "/etc/traefik/traefik.yml")


def test_without_certificates() -> None:
    """No API, no dashboard, no metrics: they are off unless given."""
    assert config() == PLAIN
    assert json_of(user_data(NO_INGRESS), "/var/lib/traefik/routes/tls.yml") == {
        "tls": {"options": {"default": {"minVersion": "VersionTLS12"}}}
    }


def test_ones_own_certificates() -> None:
    ingress = Ingress(certificates=(OWN, replace(OWN, cert="b.pem")))
    found = config(ingress)
    assert found["entryPoints"]["web"]["http"]["redirections"] == REDIRECT
    assert "certificatesResolvers" not in found
    files = rendered(ingress)
    for number in (1, 2):
        leaf, base = make_leaf(f"own{number}"), f"/etc/traefik/certificates/{number}"
        assert files[f"{base}.pem"] == File("root:traefik", "0640", leaf.certificate)
        assert files[f"{base}-key.pem"] == File("root:traefik", "0640", leaf.key)
    assert json_of(user_data(ingress), "/var/lib/traefik/routes/tls.yml")["tls"]["certificates"] == [
        {"certFile": f"/etc/traefik/certificates/{n}.pem", "keyFile": f"/etc/traefik/certificates/{n}-key.pem"}
        for n in (1, 2)
    ]
    with pytest.raises(RenderError, match="hold 1 certificates, the cluster file names 2"):
        user_data(ingress, certificates=1)


def test_acme() -> None:
    found = config(ACME)
    assert found["entryPoints"]["web"]["http"]["redirections"] == REDIRECT
    common = {
        "email": "ops@example.com", "caServer": "https://ca/d", "storage": "/var/lib/traefik/acme.json",
        "keyType": "EC256",
    }  # fmt: skip
    assert found["certificatesResolvers"] == {
        "http": {"acme": {**common, "httpChallenge": {"entryPoint": "web"}}},
        "tls": {"acme": {**common, "tlsChallenge": {}}},
    }
    assert rendered(ACME)["/etc/traefik/domains"].content == "a.example.com\nb.example.com\n"
    own = replace(ACME, acme_ca="the CA")
    assert rendered(own)["/etc/traefik/tls/acme-ca.pem"].content == "the CA"
    assert config(own)["certificatesResolvers"]["tls"]["acme"]["caCertificates"] == [
        "/etc/traefik/tls/acme-ca.pem"
    ]


BALANCER = LoadBalancer(certificate=BalancerCertificate.PASSTHROUGH, proxy_protocol=True)
VPC = {"trustedIPs": ["10.100.0.0/20"]}
TRUST = [
    (BALANCER, {"proxyProtocol": VPC}),
    (replace(BALANCER, proxy_protocol=False), {}),
    (
        replace(BALANCER, certificate=BalancerCertificate.LETS_ENCRYPT),
        {"proxyProtocol": VPC, "forwardedHeaders": VPC},
    ),
    (None, {}),
]


@pytest.mark.parametrize(("balancer", "trust"), TRUST)
def test_only_a_load_balancer_is_believed_and_only_from_the_vpc(
    balancer: LoadBalancer | None, trust: dict[str, Any]
) -> None:
    found = config(Ingress(load_balancer=balancer))["entryPoints"]
    for name in ("web", "websecure"):
        given = {key: found[name][key] for key in ("proxyProtocol", "forwardedHeaders") if key in found[name]}
        assert given == trust
    assert set(found["ping"]) == {"address", "transport"}


def test_behind_a_load_balancer_that_ends_tls_plain_http_is_not_redirected() -> None:
    """The balancer redirects; its own requests to the nodes are plain HTTP."""
    ends_tls = replace(BALANCER, certificate=BalancerCertificate.LETS_ENCRYPT)
    found = config(Ingress(domains=("a.example.com",), load_balancer=ends_tls))
    assert "redirections" not in found["entryPoints"]["web"]["http"]
    assert "certificatesResolvers" not in found


CHANGES = [
    ACME,
    replace(ACME, domains=("a.example.com",)),
    replace(ACME, acme_email="x@example.com"),
    replace(ACME, acme_ca="the CA"),
    Ingress(certificates=(OWN,)),
    Ingress(certificates=(replace(OWN, certificate="renewed"),)),
    Ingress(load_balancer=BALANCER),
]


def test_a_changed_section_changes_the_digest_of_ingress_nodes_only() -> None:
    """A renewed certificate too: the file keeps its name."""
    plan = make_plan()
    digests = [config_digest(replace(plan, ingress=each), node_of(plan, Kind.INGRESS)) for each in CHANGES]
    assert len({*digests, config_digest(plan, node_of(plan, Kind.INGRESS))}) == len(CHANGES) + 1
    client = node_of(plan, Kind.NOMAD_CLIENT)
    assert {config_digest(replace(plan, ingress=each), client) for each in CHANGES} == {
        config_digest(plan, client)
    }
