"""A small cluster with an ingress node: certificate, routes by tags, rights of Traefik, and what is open.

The certificate is from pebble on this machine. The domain is one that the node resolves itself, in Consul's DNS;
pebble has a name server that answers every name with the node's public address.
"""

import json
import re
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography import x509

from bakery.wait import Pending, deadline_factor
from tests.helpers.client_load import ClientLoad
from tests.helpers.cluster_e2e import JOBS, Cluster, wait_for
from tests.helpers.firewalls_e2e import BOTH_KEEP_CLOSED, reached_without
from tests.helpers.pebble import Pebble, running_pebble
from tests.helpers.port_scan import open_ports

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

DOMAIN = "ingress.service.consul"
CERTIFICATE_SECONDS = 30.0
ROUTE_SECONDS = 5.0
OTHER = 8080
"""A port in no table, among those of the scan."""
FILE = """\
version: 1
cluster: edge
image: {{nomad: 1.11.3}}
vpc: {{cidr: 10.120.0.0/20}}
roles:
  consul-server: {{count: 1}}
  nomad-server: {{count: 1}}
  nomad-client: {{count: 1}}
  ingress: {{count: 1}}
ingress:
  domains: [{domain}]
  acme_email: ops@example.com
  acme_directory: {directory}
  acme_ca: acme-ca.pem
"""


@dataclass(frozen=True, kw_only=True)
class Edge:
    """The small cluster, and the ACME server that it uses."""

    cluster: Cluster
    pebble: Pebble

    @property
    def name(self) -> str:
        """The ingress node's: another after a replacement."""
        (found,) = self.cluster.droplets("bakery:edge:role:ingress")
        return found.name

    @property
    def address(self) -> str:
        return self.cluster.droplet(self.name).public

    def wait_for_address(self, without: str = "") -> str:
        """Wait for the public address of the ingress node, and let pebble validate there. Return it."""

        def found() -> str | Pending:
            listed = self.cluster.droplets("bakery:edge:role:ingress")
            addresses = [droplet.public for droplet in listed if droplet.public and droplet.name != without]
            return addresses[0] if addresses else Pending("no address")

        address = wait_for(found, what="the address of the ingress node", seconds=300, every=0.5)
        self.pebble.point_to(address)
        return address

    def certificate(self) -> x509.Certificate:
        """What a client gets at the public address."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection((self.address, 443), 5) as plain,
            context.wrap_socket(plain, server_hostname=DOMAIN) as tls,
        ):
            return x509.load_der_x509_certificate(tls.getpeercert(binary_form=True) or b"")

    def wait_for_certificate(self) -> None:
        def issued() -> bool | Pending:
            try:
                issuer = self.certificate().issuer.rfc4514_string()
            except OSError as error:
                return Pending(str(error))
            return True if "Pebble" in issuer else Pending(issuer)

        wait_for(issued, what="the certificate", seconds=CERTIFICATE_SECONDS * deadline_factor(), every=0.5)

    def get(self, ca: str) -> tuple[int, str]:
        """Status and body of the page over HTTPS, from a client that trusts ``ca`` only."""
        context = ssl.create_default_context(cadata=ca)
        with (
            socket.create_connection((self.address, 443), 5) as plain,
            context.wrap_socket(plain, server_hostname=DOMAIN) as tls,
        ):
            tls.sendall(f"GET / HTTP/1.0\r\nHost: {DOMAIN}\r\n\r\n".encode())
            head, _, body = tls.makefile("rb").read().decode().partition("\r\n\r\n")
        return int(head.split()[1]), body


@pytest.fixture(scope="module")
def edge(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """Its snapshot contains Traefik, so it is not the demo's."""
    work: Path = tmp_path_factory.mktemp("edge")
    made = replace(cluster, work=work)
    with (
        running_pebble(work, http_port=80, tls_port=443, listen=cluster.operator) as pebble,
        ThreadPoolExecutor(max_workers=1) as pool,
    ):
        (work / "acme-ca.pem").write_text(pebble.authority.certificate)
        (work / "bakery.yaml").write_text(FILE.format(domain=DOMAIN, directory=pebble.directory))
        found = Edge(cluster=made, pebble=pebble)
        try:
            made.bakery("build-image", "--local", "--yes")
            # The node asks for its certificate before launch ends.
            pointing = pool.submit(found.wait_for_address)
            made.bakery("launch", "--local", "--yes")
            pebble.point_to(pointing.result())
            yield found
        finally:
            made.bakery("destroy", "--local", "--yes", check=False)


def test_a_certificate_is_there_30_seconds_after_the_launch(edge: Edge) -> None:
    edge.wait_for_certificate()
    names = edge.certificate().extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [DOMAIN]


def test_a_tagged_service_answers_5_seconds_after_it_is_healthy(edge: Edge) -> None:
    root = edge.pebble.root()
    assert edge.get(root)[0] == 404, "control: nothing is routed yet"
    edge.cluster.run_job(JOBS / "edge.nomad.hcl", f"host={DOMAIN}")

    def healthy() -> bool | Pending:
        watch = ("consul", "watch", "-type=service", "-service=edge", "-passingonly=true")
        return True if json.loads(edge.cluster.tool(*watch).stdout) else Pending("no instance passes")

    wait_for(healthy, what="the service to be healthy", every=0.2)
    begun = time.monotonic()

    def answers() -> bool | Pending:
        status, body = edge.get(root)
        return True if (status, body) == (200, "edge") else Pending(f"{status} {body[:100]}")

    wait_for(answers, what="the page", seconds=ROUTE_SECONDS * deadline_factor(), every=0.1)
    edge.cluster.forget_env()
    assert time.monotonic() - begun <= ROUTE_SECONDS * deadline_factor()


def test_no_request_is_lost_while_the_service_deploys(edge: Edge) -> None:
    """tests/e2e/test_cluster_87_ingress_balancer.py has the control, and 2,000 requests."""
    with ClientLoad(address=edge.address, host=DOMAIN) as clients:
        edge.cluster.tool(
            "nomad", "job", "run", f"-var=host={DOMAIN}", "-var=text=new", str(JOBS / "edge.nomad.hcl")
        )
    assert clients.lost == []
    assert edge.get(edge.pebble.root()) == (200, "new"), "control: it was deployed"


def test_plain_http_leads_to_https(edge: Edge) -> None:
    with socket.create_connection((edge.address, 80), 5) as plain:
        plain.sendall(f"GET /a HTTP/1.0\r\nHost: {DOMAIN}\r\n\r\n".encode())
        reply = plain.makefile("rb").read().decode()
    assert reply.startswith("HTTP/1.0 301")
    assert f"Location: https://{DOMAIN}/a" in reply


def test_80_and_443_are_open_from_outside_and_nothing_else(edge: Edge) -> None:
    assert open_ports(edge.address) == [80, 443]


def test_either_firewall_closes_the_other_ports(edge: Edge) -> None:
    """Control: a program that listens on another port is reached once both firewalls are open."""
    serve = f"systemd-run --quiet --unit=probe python3 -m http.server --bind {edge.address} {OTHER}"
    edge.cluster.inside(edge.name, f"{serve}; until ss -Hltn | grep -q :{OTHER}; do sleep 0.1; done", seconds=20)

    def reaches() -> bool:
        return OTHER in open_ports(edge.address)

    try:
        assert reached_without(edge.cluster, edge.name, reaches) == BOTH_KEEP_CLOSED
    finally:
        edge.cluster.inside(edge.name, "systemctl stop probe")


def test_traefik_is_a_user_with_one_capability(edge: Edge) -> None:
    """CAP_NET_BIND_SERVICE is number 10 (linux/capability.h). Neither docker nor Nomad runs beside it."""
    script = "p=$(pidof traefik); ps -o user= -p $p; grep -E '^(CapPrm|CapBnd|NoNewPrivs)' /proc/$p/status"
    lines = edge.cluster.inside(edge.name, script).stdout.split()
    assert lines == [
        "traefik", "CapPrm:", "0000000000000400", "CapBnd:", "0000000000000400", "NoNewPrivs:", "1",
    ]  # fmt: skip
    assert edge.cluster.inside(edge.name, "pidof nomad dockerd containerd", check=False).stdout == ""


# What code in Traefik's place could try. Each attempt is undone, or changes nothing.
ATTEMPTS = """
import json, os, socket
def done(call):
    try:
        call()
        return True
    except OSError:
        return False
def bind(port):
    with socket.socket() as one:
        one.bind(("", port))
attempts = {
    "a port below 1024": lambda: bind(81),
    "a packet of its own": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP).close(),
    "the keys of Consul's agent": lambda: open("/etc/consul.d/consul.json").close(),
    "the key of its certificate": lambda: open("/etc/consul.d/tls/agent-key.pem").close(),
    "passwords": lambda: open("/etc/shadow").close(),
    "a program": lambda: open("/usr/bin/true", "ab").close(),
    "its own configuration": lambda: open("/etc/traefik/traefik.yml", "ab").close(),
    "another's process": lambda: os.kill(1, 0),
    "another's file": lambda: os.chown("/etc/hostname", 0, 0),
    "another root": lambda: os.chroot("/"),
    "another user": lambda: os.setuid(0),
}
print(json.dumps([name for name, call in attempts.items() if done(call)]))
"""


def attempted(edge: Edge, unit: str) -> list[str]:
    """The attempts that succeed in a service with the restrictions of ``unit``."""
    lines = [line for line in unit.splitlines() if not line.startswith(("Restart", "StartLimit", "Condition"))]
    text = "\n".join(lines).replace(
        "[Service]", "[Service]\nType=oneshot\nStandardOutput=truncate:/run/attempts.json"
    )
    text = re.sub("^ExecStart=.*", "ExecStart=/usr/bin/python3 /run/attempts.py", text, flags=re.MULTILINE)
    files = {"attempts.py": ATTEMPTS, "systemd/system/attempts.service": text}
    write = "\n".join(f"cat >/run/{name} <<'END'\n{content}\nEND" for name, content in files.items())
    remove = "rm " + " ".join(f"/run/{name}" for name in files)
    run_it = "systemctl daemon-reload; systemctl start attempts; cat /run/attempts.json"
    found: list[str] = json.loads(edge.cluster.inside(edge.name, f"{write}\n{run_it}; {remove}").stdout)
    return found


def test_code_in_traefiks_place_may_open_a_low_port_and_do_nothing_else(edge: Edge) -> None:
    """Controls: without the capability it may not, and without the lines that restrict the unit it may do all."""
    unit = edge.cluster.inside(edge.name, "cat /etc/systemd/system/traefik.service").stdout
    assert attempted(edge, unit) == ["a port below 1024"]
    assert attempted(edge, unit.replace("AmbientCapabilities=CAP_NET_BIND_SERVICE\n", "")) == []
    unrestricted = re.sub("^(User|Group)=.*\n", "", unit, flags=re.MULTILINE).partition("ReadWritePaths=")[0]
    assert len(attempted(edge, unrestricted)) == 11


def asks_consul_on_the_socket(edge: Edge, user: str) -> bool:
    script = "curl --silent --max-time 5 --unix-socket /run/consul/http.sock http://localhost/v1/status/leader"
    return bool(edge.cluster.inside(edge.name, f"runuser -u {user} -- {script}", check=False).stdout.strip('"\n'))


def test_only_traefik_and_consul_reach_consuls_socket(edge: Edge) -> None:
    assert [user for user in ("nobody", "consul", "traefik") if asks_consul_on_the_socket(edge, user)] == [
        "consul", "traefik",
    ]  # fmt: skip


def test_no_file_that_traefik_reads_has_a_key_for_consul(edge: Edge) -> None:
    """The tags of a service can name a file, whose certificate Traefik then shows (forwardAuth)."""
    find = "grep -rlIs -e '^-----BEGIN .*PRIVATE KEY-----' /etc /opt /run /srv /usr/local /var"
    found = edge.cluster.inside(edge.name, f"runuser -u traefik -- {find}", check=False, seconds=60).stdout.split()
    assert found == []
    everything = edge.cluster.inside(edge.name, find, check=False, seconds=60).stdout.split()
    assert "/etc/consul.d/tls/agent-key.pem" in everything, "control"


def test_status_says_that_it_takes_requests_and_names_a_wrong_tag(edge: Edge) -> None:
    conditions = {each["name"]: each for each in edge.cluster.status()["conditions"]}
    assert conditions["ingress"]["message"] == "1 of 1 ingress nodes take requests"
    assert conditions["ingress-routes"]["message"] == "1 service with tags for Traefik"


@pytest.mark.e2e_sweep
def test_a_successor_has_a_certificate_30_seconds_after_the_replacement(edge: Edge) -> None:
    """Another one: the store of certificates is on the disk of the old droplet."""
    before, old = edge.certificate().serial_number, edge.name
    with ThreadPoolExecutor(max_workers=1) as pool:
        pointing = pool.submit(edge.wait_for_address, without=old)
        edge.cluster.bakery("replace", "--local", "--yes", old)
        edge.pebble.point_to(pointing.result())
    edge.wait_for_certificate()
    assert edge.certificate().serial_number != before
    assert edge.get(edge.pebble.root())[0] == 200
