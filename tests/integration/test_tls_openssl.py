"""Who trusts whom, proven by real handshakes with OpenSSL on loopback (Python's ssl module)."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bakery.credentials.authority import create_authority, issue_leaf
from bakery.credentials.model import Agent, Authority, Leaf
from tests.helpers.tls import forge_leaf, handshake, unconstrained_authority

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC)
DAY = timedelta(days=1)

# The names that agents ask for: Consul docs, agent configuration, tls; Nomad docs, agent configuration, tls.
WANTED: list[tuple[Agent, str]] = [
    ("consul", "server.demo.consul"),
    ("consul", "localhost"),
    ("nomad", "server.global.nomad"),
    ("nomad", "nomad.service.consul"),
    ("nomad", "localhost"),
]
SERVER_NAMES: dict[Agent, tuple[str, ...]] = {
    "consul": ("server.demo.consul",),
    "nomad": ("server.global.nomad", "nomad.service.consul"),
}
CLIENT_NAMES: dict[Agent, str] = {"consul": "client.demo.consul", "nomad": "client.global.nomad"}


@pytest.fixture(scope="module", params=["consul", "nomad"])
def agent(request: pytest.FixtureRequest) -> Agent:
    chosen: Agent = request.param
    return chosen


@pytest.fixture(scope="module")
def authorities() -> dict[Agent, Authority]:
    return {
        "consul": create_authority("consul", "demo", now=NOW),
        "nomad": create_authority("nomad", "demo", now=NOW),
    }


def server_leaf(ca: Authority, agent: Agent, *, now: datetime = NOW, days: int = 365) -> Leaf:
    return issue_leaf(ca, names=SERVER_NAMES[agent], client=True, server=True, now=now, days=days)


def client_leaf(ca: Authority, agent: Agent) -> Leaf:
    return issue_leaf(ca, names=[CLIENT_NAMES[agent]], client=True, server=True, now=NOW)


@pytest.mark.parametrize(("agent", "name"), WANTED, indirect=["agent"])
def test_the_names_that_agents_ask_for_pass(
    authorities: dict[Agent, Authority], agent: Agent, name: str, tmp_path: Path
) -> None:
    ca = authorities[agent]
    server, client = server_leaf(ca, agent), client_leaf(ca, agent)
    assert handshake(tmp_path, ca=ca.certificate, server=server, client=client, name=name) is None


def test_loopback_by_address_passes(authorities: dict[Agent, Authority], agent: Agent, tmp_path: Path) -> None:
    ca = authorities[agent]
    server, client = server_leaf(ca, agent), client_leaf(ca, agent)
    assert handshake(tmp_path, ca=ca.certificate, server=server, client=client, name="127.0.0.1") is None


@pytest.mark.parametrize("name", ["server.other.consul", "server.europe.nomad", "example.com", "10.0.0.1"])
def test_another_name_fails(authorities: dict[Agent, Authority], agent: Agent, name: str, tmp_path: Path) -> None:
    ca = authorities[agent]
    server, client = server_leaf(ca, agent), client_leaf(ca, agent)
    refusal = handshake(tmp_path, ca=ca.certificate, server=server, client=client, name=name)
    assert refusal is not None
    assert "mismatch" in refusal
    control = handshake(tmp_path, ca=ca.certificate, server=server, client=client, name=name, check_name=False)
    assert control is None


def test_a_client_leaf_cannot_pose_as_a_server(
    authorities: dict[Agent, Authority], agent: Agent, tmp_path: Path
) -> None:
    """What CVE-2021-37219 and CVE-2021-37218 were about; the name is what stops it, as the control shows."""
    ca, name = authorities[agent], SERVER_NAMES[agent][0]
    thief, client = client_leaf(ca, agent), client_leaf(ca, agent)
    refusal = handshake(tmp_path, ca=ca.certificate, server=thief, client=client, name=name)
    assert refusal is not None
    assert "mismatch" in refusal
    control = handshake(tmp_path, ca=ca.certificate, server=thief, client=client, name=name, check_name=False)
    assert control is None


def test_an_operator_leaf_can_dial_but_never_serve(
    authorities: dict[Agent, Authority], agent: Agent, tmp_path: Path
) -> None:
    ca, name = authorities[agent], SERVER_NAMES[agent][0]
    cli = CLIENT_NAMES[agent].replace("client", "cli")
    operator = issue_leaf(ca, names=[cli], client=True, server=False, now=NOW)
    server = server_leaf(ca, agent)
    assert handshake(tmp_path, ca=ca.certificate, server=server, client=operator, name=name) is None
    refusal = handshake(tmp_path, ca=ca.certificate, server=operator, client=server, name=cli)
    assert refusal is not None
    assert "purpose" in refusal


def test_another_ca_fails_at_either_end(authorities: dict[Agent, Authority], agent: Agent, tmp_path: Path) -> None:
    """Of the same name, as after a second `bakery launch` with a lost bundle."""
    ca, name = authorities[agent], SERVER_NAMES[agent][0]
    other = create_authority(agent, "demo", now=NOW)
    ours, theirs = server_leaf(ca, agent), server_leaf(other, agent)
    as_server = handshake(tmp_path, ca=ca.certificate, server=theirs, client=ours, name=name)
    as_client = handshake(tmp_path, ca=ca.certificate, server=ours, client=theirs, name=name)
    assert as_server is not None
    assert as_server.startswith("client: ")
    assert as_client is not None
    assert as_client.startswith("server: ")
    assert "verify failed" in as_server
    assert "verify failed" in as_client


def test_consul_and_nomad_do_not_trust_each_other(authorities: dict[Agent, Authority], tmp_path: Path) -> None:
    consul, nomad = authorities["consul"], authorities["nomad"]
    refusal = handshake(
        tmp_path,
        ca=consul.certificate,
        server=server_leaf(consul, "consul"),
        client=server_leaf(nomad, "nomad"),
        name="server.demo.consul",
    )
    assert refusal is not None
    assert "verify failed" in refusal


def test_an_expired_leaf_fails(agent: Agent, tmp_path: Path) -> None:
    ca = create_authority(agent, "demo", now=NOW - 10 * DAY)
    name = SERVER_NAMES[agent][0]
    expired, fresh = server_leaf(ca, agent, now=NOW - 9 * DAY, days=8), server_leaf(ca, agent)
    refusal = handshake(tmp_path, ca=ca.certificate, server=expired, client=fresh, name=name)
    assert refusal is not None
    assert "expired" in refusal
    assert handshake(tmp_path, ca=ca.certificate, server=fresh, client=fresh, name=name) is None


def test_an_expired_ca_fails(agent: Agent, tmp_path: Path) -> None:
    then = NOW - 11 * 365 * DAY
    ca = create_authority(agent, "demo", now=then)
    leaf = forge_leaf(ca, SERVER_NAMES[agent], not_before=NOW - DAY, not_after=NOW + DAY)
    refusal = handshake(tmp_path, ca=ca.certificate, server=leaf, client=leaf, name=SERVER_NAMES[agent][0])
    assert refusal is not None
    assert "expired" in refusal


def test_a_leaf_of_tomorrow_fails(authorities: dict[Agent, Authority], agent: Agent, tmp_path: Path) -> None:
    ca, name = authorities[agent], SERVER_NAMES[agent][0]
    tomorrow, today = server_leaf(ca, agent, now=NOW + DAY), server_leaf(ca, agent)
    refusal = handshake(tmp_path, ca=ca.certificate, server=tomorrow, client=today, name=name)
    assert refusal is not None
    assert "not yet valid" in refusal


def test_a_node_may_lag_by_almost_an_hour(
    authorities: dict[Agent, Authority], agent: Agent, tmp_path: Path
) -> None:
    ca, name = authorities[agent], SERVER_NAMES[agent][0]
    ahead = server_leaf(ca, agent, now=NOW + timedelta(minutes=55))
    assert handshake(tmp_path, ca=ca.certificate, server=ahead, client=ahead, name=name) is None


@pytest.mark.parametrize(
    ("names", "address", "wanted"),
    [
        (["example.com"], "127.0.0.1", "example.com"),
        (["server.demo.consul.example.com"], "127.0.0.1", "server.demo.consul.example.com"),
        (["localhost"], "10.0.0.1", "localhost"),
    ],
)
def test_a_stolen_ca_key_is_of_no_use_for_other_names(
    authorities: dict[Agent, Authority],
    agent: Agent,
    names: list[str],
    address: str,
    wanted: str,
    tmp_path: Path,
) -> None:
    for ca, refused in ((authorities[agent], True), (unconstrained_authority(now=NOW), False)):
        forged = forge_leaf(ca, names, address=address, not_before=NOW - DAY / 48, not_after=NOW + DAY / 2)
        refusal = handshake(tmp_path, ca=ca.certificate, server=forged, client=forged, name=wanted)
        assert (refusal is not None and "permitted subtree violation" in refusal) == refused, refusal


def test_no_certificate_no_entry(authorities: dict[Agent, Authority], agent: Agent, tmp_path: Path) -> None:
    ca, name = authorities[agent], SERVER_NAMES[agent][0]
    refusal = handshake(tmp_path, ca=ca.certificate, server=server_leaf(ca, agent), client=None, name=name)
    assert refusal is not None
    assert "peer did not return a certificate" in refusal or "CERTIFICATE_REQUIRED" in refusal


def test_these_handshakes_are_openssl() -> None:
    assert ssl.OPENSSL_VERSION.startswith("OpenSSL")
