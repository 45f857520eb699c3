"""Who trusts whom, proven by real handshakes with Go's TLS: the one inside Consul and Nomad."""

import json
import shutil
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bakery.credentials.authority import create_authority, issue_leaf
from bakery.credentials.model import Authority, Leaf
from bakery.proc import run
from tests.helpers.tls import forge_leaf, unconstrained_authority

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

PROGRAM = Path(__file__).parents[1] / "helpers" / "go" / "verify" / "main.go"
NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One handshake; ``refusal`` is a part of what Go says, empty for a pass."""

    ca: Authority
    name: str
    server: Leaf
    client: Leaf
    refusal: str


def leaf(ca: Authority, *names: str, server: bool = True, now: datetime = NOW, days: int = 365) -> Leaf:
    return issue_leaf(ca, names=names, client=True, server=server, now=now, days=days)


def forged(ca: Authority, name: str, address: str = "127.0.0.1") -> Leaf:
    return forge_leaf(ca, [name], address=address, not_before=NOW - DAY / 48, not_after=NOW + DAY / 2)


CONSUL = create_authority("consul", "demo", now=NOW)
NOMAD = create_authority("nomad", "demo", now=NOW)
OTHER = create_authority("consul", "demo", now=NOW)
OLD = create_authority("consul", "demo", now=NOW - 10 * DAY)
DEAD = create_authority("consul", "demo", now=NOW - 11 * 365 * DAY)
LONG = create_authority("consul", "c" * 63, now=NOW)
FREE = unconstrained_authority(now=NOW)
SERVER, CLIENT = leaf(CONSUL, "server.demo.consul"), leaf(CONSUL, "client.demo.consul")
OPERATOR = leaf(CONSUL, "cli.demo.consul", server=False)
NOMAD_SERVER = leaf(NOMAD, "server.global.nomad", "nomad.service.consul")
NOMAD_CLIENT = leaf(NOMAD, "client.global.nomad")
LONG_SERVER = leaf(LONG, f"server.{'c' * 63}.consul")
LATE = leaf(OLD, "server.demo.consul", now=NOW - 9 * DAY, days=8)
EARLY = leaf(CONSUL, "server.demo.consul", now=NOW + DAY)
AHEAD = leaf(CONSUL, "server.demo.consul", now=NOW + timedelta(minutes=55))
STRANGER = leaf(OTHER, "server.demo.consul")
ORPHAN = forged(DEAD, "server.demo.consul")
OUTSIDE, OUTSIDE_CONTROL = forged(CONSUL, "example.com"), forged(FREE, "example.com")
ADDRESS, ADDRESS_CONTROL = forged(CONSUL, "localhost", "10.0.0.1"), forged(FREE, "localhost", "10.0.0.1")

SERVER_NAME = "server.demo.consul"
NOT_FOR_NAME = "client: tls: failed to verify certificate: x509: certificate is valid for"
UNKNOWN = "tls: failed to verify certificate: x509: certificate signed by unknown authority"
EXPIRED = "certificate has expired or is not yet valid"

# The refusals are those of crypto/x509/verify.go.
CASES = {
    "consul server by its name": Case(ca=CONSUL, name=SERVER_NAME, server=SERVER, client=CLIENT, refusal=""),
    "consul server on loopback": Case(ca=CONSUL, name="localhost", server=SERVER, client=CLIENT, refusal=""),
    "consul server by loopback address": Case(
        ca=CONSUL, name="127.0.0.1", server=SERVER, client=CLIENT, refusal=""
    ),
    "consul server to server": Case(ca=CONSUL, name=SERVER_NAME, server=SERVER, client=SERVER, refusal=""),
    "operator to consul": Case(ca=CONSUL, name=SERVER_NAME, server=SERVER, client=OPERATOR, refusal=""),
    "nomad server by its name": Case(
        ca=NOMAD, name="server.global.nomad", server=NOMAD_SERVER, client=NOMAD_CLIENT, refusal=""
    ),
    "nomad server by Consul DNS": Case(
        ca=NOMAD, name="nomad.service.consul", server=NOMAD_SERVER, client=NOMAD_CLIENT, refusal=""
    ),
    "nomad server to nomad client": Case(
        ca=NOMAD, name="client.global.nomad", server=NOMAD_CLIENT, client=NOMAD_SERVER, refusal=""
    ),
    "longest cluster name": Case(
        ca=LONG, name=f"server.{'c' * 63}.consul", server=LONG_SERVER, client=LONG_SERVER, refusal=""
    ),
    "clock behind by almost an hour": Case(ca=CONSUL, name=SERVER_NAME, server=AHEAD, client=AHEAD, refusal=""),
    "another datacenter": Case(
        ca=CONSUL, name="server.other.consul", server=SERVER, client=CLIENT, refusal=NOT_FOR_NAME
    ),
    "public address": Case(ca=CONSUL, name="10.0.0.1", server=SERVER, client=CLIENT, refusal=NOT_FOR_NAME),
    "client as server": Case(ca=CONSUL, name=SERVER_NAME, server=CLIENT, client=CLIENT, refusal=NOT_FOR_NAME),
    "nomad client as server": Case(
        ca=NOMAD, name="server.global.nomad", server=NOMAD_CLIENT, client=NOMAD_CLIENT, refusal=NOT_FOR_NAME
    ),
    "operator as server": Case(
        ca=CONSUL, name="cli.demo.consul", server=OPERATOR, client=CLIENT, refusal="incompatible key usage"
    ),
    "server of another CA": Case(
        ca=CONSUL, name=SERVER_NAME, server=STRANGER, client=CLIENT, refusal=f"client: {UNKNOWN}"
    ),
    "client of another CA": Case(
        ca=CONSUL, name=SERVER_NAME, server=SERVER, client=STRANGER, refusal=f"server: {UNKNOWN}"
    ),
    "nomad's leaf at consul": Case(
        ca=CONSUL, name=SERVER_NAME, server=SERVER, client=NOMAD_SERVER, refusal=f"server: {UNKNOWN}"
    ),
    "expired server": Case(ca=OLD, name=SERVER_NAME, server=LATE, client=LATE, refusal=EXPIRED),
    "expired CA": Case(ca=DEAD, name=SERVER_NAME, server=ORPHAN, client=ORPHAN, refusal=EXPIRED),
    "server of tomorrow": Case(ca=CONSUL, name=SERVER_NAME, server=EARLY, client=CLIENT, refusal=EXPIRED),
    "client of tomorrow": Case(ca=CONSUL, name=SERVER_NAME, server=SERVER, client=EARLY, refusal=EXPIRED),
    "stolen CA key, another name": Case(
        ca=CONSUL, name="example.com", server=OUTSIDE, client=OUTSIDE, refusal="not permitted by any constraint"
    ),
    "control: another name without constraints": Case(
        ca=FREE, name="example.com", server=OUTSIDE_CONTROL, client=OUTSIDE_CONTROL, refusal=""
    ),
    "stolen CA key, another address": Case(
        ca=CONSUL, name="localhost", server=ADDRESS, client=ADDRESS, refusal="not permitted by any constraint"
    ),
    "control: another address without constraints": Case(
        ca=FREE, name="localhost", server=ADDRESS_CONTROL, client=ADDRESS_CONTROL, refusal=""
    ),
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What Go says to each case; the program is built once and runs once."""
    if shutil.which("go") is None:
        pytest.skip("go is not installed")
    program = tmp_path_factory.mktemp("go") / "verify"
    run(["go", "build", "-o", program, PROGRAM], env={"GOTOOLCHAIN": "local"}, cwd=program.parent, seconds=500)
    cases = [
        {
            "CA": case.ca.certificate,
            "Name": case.name,
            "Server": asdict(case.server),
            "Client": asdict(case.client),
        }
        for case in CASES.values()
    ]
    refusals = json.loads(run([program], stdin=json.dumps(cases)).stdout)
    return dict(zip(CASES, refusals, strict=True))


@pytest.mark.parametrize("title", CASES)
def test_go_agrees_with_the_table(answers: dict[str, str], title: str) -> None:
    refusal, expected = answers[title], CASES[title].refusal
    assert expected in refusal
    assert bool(refusal) == bool(expected), refusal
