"""Load balancers, reserved IPs and domains in front of droplets that really run."""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from bakery.proc import run
from bakery.wait import Pending, wait_until
from tests.helpers.emulator_lab import LabApi, lab_api, running_lab

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

RANGE = "100.88.0.0/16"
PORT = 8080
CHECK = {
    "protocol": "http",
    "port": PORT,
    "check_interval_seconds": 3,
    "response_timeout_seconds": 3,
    "healthy_threshold": 2,
    "unhealthy_threshold": 2,
}
RULES = [
    {"entry_protocol": "tcp", "entry_port": 80, "target_protocol": "tcp", "target_port": PORT},
    {"entry_protocol": "http", "entry_port": 81, "target_protocol": "http", "target_port": PORT},
]
SETTLED = 30.0
"""Seconds in which checks, firewalls and assignments have taken effect."""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabApi]:
    with running_lab(tmp_path_factory.mktemp("ways-in"), RANGE) as lab, lab_api(lab) as api:
        yield api


@pytest.fixture(scope="module")
def droplets(api: LabApi) -> tuple[int, int]:
    """Each answers HTTP with its own name."""
    made = api.create("web-1", "web-2", tags=["web"])
    for droplet_id in made:
        api.lab.wait_done(droplet_id)
        api.lab.sh(droplet_id, "hostname > /srv/index.html")
        serve(api, droplet_id)
    return made[0], made[1]


def serve(api: LabApi, droplet_id: int) -> None:
    done = api.lab.sh(droplet_id, f"systemd-run --unit=web python3 -m http.server -d /srv {PORT}")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def balancer(api: LabApi, droplets: tuple[int, int]) -> dict[str, str]:
    body = {"name": "web", "region": "fra1", "tag": "web", "forwarding_rules": RULES, "health_check": CHECK}
    number = api.call("POST", "/v2/load_balancers", body)["load_balancer"]["id"]

    def active() -> dict[str, str] | Pending:
        found: dict[str, str] = api.call("GET", f"/v2/load_balancers/{number}")["load_balancer"]
        return found if found["status"] == "active" else Pending(found["status"])

    return wait_until(active, what="the load balancer", seconds=SETTLED, every=0.1)


def fetch(address: str, port: int) -> str:
    """The body of an HTTP answer, from this machine; nothing if there is none."""
    with suppress(OSError), socket.create_connection((address, port), timeout=2) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = b""
        while data := client.recv(65536):
            answer += data
        status, _, body = answer.decode().partition("\r\n\r\n")
        return body.strip() if " 200 " in status.partition("\r\n")[0] else ""
    return ""


def wait_for(wanted: set[str], ask: Callable[[], str]) -> None:
    """Wait until six answers in a row are exactly these."""

    def check() -> bool | Pending:
        found = {ask() for _ in range(6)}
        return True if found == wanted else Pending(f"the answers are {sorted(found)}")

    wait_until(check, what=f"answers of {sorted(wanted)}", seconds=SETTLED, every=0.2)


def test_the_balancer_forwards_to_all_its_droplets(
    api: LabApi, droplets: tuple[int, int], balancer: dict[str, str]
) -> None:
    """From outside, and from a droplet; TCP and HTTP."""
    address = balancer["ip"]
    for port in (80, 81):
        wait_for({"web-1", "web-2"}, lambda port=port: fetch(address, port))  # type: ignore[misc]
    inside = api.lab.sh(droplets[0], f"for i in 1 2 3 4; do curl -sS -m 5 http://{address}/; done").stdout
    assert set(inside.split()) == {"web-1", "web-2"}
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address, 82), timeout=2)


def test_a_droplet_that_stops_answering_gets_no_traffic(
    api: LabApi, droplets: tuple[int, int], balancer: dict[str, str]
) -> None:
    api.lab.sh(droplets[1], "systemctl stop web")
    wait_for({"web-1"}, lambda: fetch(balancer["ip"], 80))
    assert [fetch(balancer["ip"], 80) for _ in range(50)] == ["web-1"] * 50
    serve(api, droplets[1])
    wait_for({"web-1", "web-2"}, lambda: fetch(balancer["ip"], 80))


def test_a_firewall_can_admit_the_balancer_alone(
    api: LabApi, droplets: tuple[int, int], balancer: dict[str, str]
) -> None:
    public, _ = api.addresses(droplets[0])
    assert fetch(public, PORT) == "web-1"  # control: without a firewall
    rule = {"protocol": "tcp", "ports": str(PORT), "sources": {"load_balancer_uids": [balancer["id"]]}}
    out = {"protocol": "tcp", "ports": "0", "destinations": {"addresses": ["0.0.0.0/0"]}}
    body = {"name": "web", "tags": ["web"], "outbound_rules": [out]}
    closed = {**body, "inbound_rules": [{**rule, "sources": {"addresses": ["192.0.2.1"]}}]}
    number = api.call("POST", "/v2/firewalls", closed)["firewall"]["id"]
    wait_for({""}, lambda: fetch(balancer["ip"], 80))  # control: the balancer is no exception
    api.call("PUT", f"/v2/firewalls/{number}", {**body, "inbound_rules": [rule]})
    wait_for({"web-1", "web-2"}, lambda: fetch(balancer["ip"], 80))
    assert fetch(public, PORT) == ""
    api.call("DELETE", f"/v2/firewalls/{number}")
    wait_for({"web-1"}, lambda: fetch(public, PORT))


def test_a_reserved_ip_moves(api: LabApi, droplets: tuple[int, int]) -> None:
    address = api.call("POST", "/v2/reserved_ips", {"droplet_id": droplets[0]})["reserved_ip"]["ip"]
    wait_for({"web-1"}, lambda: fetch(address, PORT))
    inside = f"curl -sS -m 5 http://{address}:{PORT}/"
    assert api.lab.sh(droplets[1], inside).stdout.strip() == "web-1"

    api.call("POST", f"/v2/reserved_ips/{address}/actions", {"type": "assign", "droplet_id": droplets[1]})
    wait_for({"web-2"}, lambda: fetch(address, PORT))
    api.call("DELETE", f"/v2/reserved_ips/{address}")
    wait_for({""}, lambda: fetch(address, PORT))


def test_droplets_and_this_machine_resolve_the_domain(api: LabApi, droplets: tuple[int, int]) -> None:
    look_up = "getent ahostsv4 www.example.com | head -1"
    api.call("POST", "/v2/domains", {"name": "example.com"})
    record = {"type": "A", "name": "www", "data": "192.0.2.7"}
    api.call("POST", "/v2/domains/example.com/records", record)

    def resolves() -> bool | Pending:
        found = api.lab.sh(droplets[0], look_up).stdout
        return True if found.startswith("192.0.2.7") else Pending(found)

    wait_until(resolves, what="the record", seconds=SETTLED, every=0.5)
    gateway = str(api.lab.plan.gateway)
    asked = run(["python3", "-c", QUESTION, gateway])
    assert asked.stdout.strip() == "192.0.2.7"
    api.call("DELETE", "/v2/domains/example.com")


# RFC 1035, 4.1: one question, the address of www.example.com; the answer ends with it.
QUESTION = (
    "import socket, sys; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5);"
    'q = bytes.fromhex("beef01000001000000000000") + b"\\3www\\7example\\3com\\0\\0\\1\\0\\1";'
    "s.sendto(q, (sys.argv[1], 53)); print(socket.inet_ntoa(s.recv(512)[-4:]))"
)


def test_nothing_is_left_of_a_deleted_balancer(api: LabApi, balancer: dict[str, str]) -> None:
    api.call("DELETE", f"/v2/load_balancers/{balancer['id']}")
    router = api.lab.plan.router

    def gone() -> bool | Pending:
        own = run(["ip", "-n", router, "addr", "show", "dev", "lo"]).stdout
        rules = run(["ip", "netns", "exec", router, "nft", "list", "ruleset"]).stdout
        there = [where for where, text in (("lo", own), ("nft", rules)) if balancer["ip"] in text]
        return Pending(f"its address is in {there}") if there else True

    wait_until(gone, what="the addresses to be gone", seconds=SETTLED, every=0.1)
