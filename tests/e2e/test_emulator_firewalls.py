"""Cloud firewalls between droplets that really run, asked for through the API."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bakery.cloud.parse import firewall_body
from bakery.config.load import parse_cluster
from bakery.emulator.machines.interface import AllowRule, FirewallBinding, FirewallPolicy, FirewallRules
from bakery.launch.converge.firewalls import request_for
from bakery.plan.build import build_plan
from bakery.proc import run
from bakery.wait import Pending, wait_until
from tests.helpers.emulator_lab import LabApi, lab_api, running_lab

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

RANGE = "100.96.0.0/15"
EVERYWHERE = {"addresses": ["0.0.0.0/0"]}
PORT = 8501


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabApi]:
    with running_lab(tmp_path_factory.mktemp("firewalls"), RANGE) as lab, lab_api(lab) as api:
        yield api


@pytest.fixture(scope="module")
def droplets(api: LabApi) -> tuple[int, int, int]:
    """Two in one VPC and one in another, each listening on two ports."""
    web, peer = api.create("web", "peer")
    vpc = api.call("POST", "/v2/vpcs", {"name": "other", "region": "fra1"})["vpc"]["id"]
    (foreign,) = api.create("foreign", vpc_uuid=vpc)
    for droplet_id in (web, peer, foreign):
        api.lab.wait_done(droplet_id)
    for droplet_id in (web, peer):
        for port in (PORT, PORT + 1):
            api.lab.sh(droplet_id, f"systemd-run python3 -m http.server -d /srv {port}")
    wait_until(
        lambda: (
            True if all(reaches(api, peer, each) for each in api.addresses(web)) else Pending("nobody listens")
        ),
        what="the listeners",
        seconds=30,
        every=0.2,
    )
    wait_reached(api, web, api.addresses(peer)[1])
    return web, peer, foreign


@pytest.fixture(autouse=True)
def no_firewalls(api: LabApi) -> Iterator[None]:
    yield
    for firewall in api.call("GET", "/v2/firewalls")["firewalls"]:
        api.call("DELETE", f"/v2/firewalls/{firewall['id']}")
    wait_until(
        lambda: Pending("firewalls") if "droplet_" in in_force(api) else True,
        what="the droplets to be open again",
        seconds=30,
        every=0.05,
    )


def in_force(api: LabApi) -> str:
    shown = run(["ip", "netns", "exec", api.lab.plan.router, "nft", "list", "table", "inet", "cloud"], check=False)
    return shown.stdout


def reaches(api: LabApi, droplet_id: int | None, address: str, port: int = PORT) -> bool:
    """Whether a droplet, or the host, gets a connection; droplets drop what they do not want."""
    if droplet_id is not None:
        script = f"timeout 1 bash -c '</dev/tcp/{address}/{port}'"
        return api.lab.sh(droplet_id, script).returncode == 0
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex((address, port)) == 0


def allow(ports: int | str, side: str = "sources", protocol: str = "tcp", **who: object) -> dict[str, object]:
    return {"protocol": protocol, "ports": str(ports), side: who or EVERYWHERE}


def protect(api: LabApi, name: str = "web", **firewall: object) -> str:
    """A new firewall, in force."""
    made = api.call("POST", "/v2/firewalls", {"name": name} | firewall)["firewall"]["id"]
    wait_in_force(api, made)
    return str(made)


def wait_in_force(api: LabApi, firewall_id: str) -> None:
    def succeeded() -> bool | Pending:
        status = api.call("GET", f"/v2/firewalls/{firewall_id}")["firewall"]["status"]
        return True if status == "succeeded" else Pending(status)

    wait_until(succeeded, what="the firewall", seconds=30, every=0.02)


OUT = [allow(0, "destinations")]


def test_without_a_firewall_everybody_gets_in(api: LabApi, droplets: tuple[int, int, int]) -> None:
    web, peer, foreign = droplets
    public, private = api.addresses(web)
    assert [reaches(api, peer, public), reaches(api, peer, private), reaches(api, foreign, public)] == [True] * 3
    assert reaches(api, None, public)
    assert not reaches(api, foreign, private)  # another VPC, firewall or not


def test_only_what_a_rule_names_gets_in(api: LabApi, droplets: tuple[int, int, int]) -> None:
    """By droplet id, then by CIDR: public and VPC traffic alike."""
    web, peer, foreign = droplets
    public, private = api.addresses(web)
    protect(api, droplet_ids=[web], inbound_rules=[allow(PORT, droplet_ids=[peer])], outbound_rules=OUT)
    assert reaches(api, peer, public)
    assert reaches(api, peer, private)
    assert not reaches(api, foreign, public)
    assert not reaches(api, None, public)
    assert not reaches(api, peer, private, PORT + 1)
    assert not reaches(api, peer, public, PORT + 1)
    assert reaches(api, foreign, api.addresses(peer)[0])  # control: a droplet without a firewall is open

    admin = [f"{api.lab.plan.host}/32"]
    protect(api, "admin", droplet_ids=[web], inbound_rules=[allow(PORT + 1, addresses=admin)])
    assert reaches(api, None, public, PORT + 1)  # firewalls add up
    assert reaches(api, peer, private)
    assert not reaches(api, None, public)
    assert not reaches(api, foreign, public, PORT + 1)


def test_a_tag_binds_and_a_tag_is_a_source(api: LabApi, droplets: tuple[int, int, int]) -> None:
    web, peer, foreign = droplets
    public, _ = api.addresses(web)
    for tag in ("web", "friend"):
        api.call("POST", "/v2/tags", {"name": tag})
    firewall = protect(api, tags=["web"], inbound_rules=[allow(PORT, tags=["friend"])], outbound_rules=OUT)
    assert reaches(api, foreign, public)  # control: nothing carries the tag yet

    retag(api, "POST", "web", web)
    wait_in_force(api, firewall)
    assert not reaches(api, foreign, public)
    retag(api, "POST", "friend", foreign)
    wait_reached(api, foreign, public)
    assert not reaches(api, peer, public)
    retag(api, "DELETE", "web", web)
    wait_in_force(api, firewall)
    assert reaches(api, peer, public)


def test_a_new_droplet_with_the_tag_is_never_open(api: LabApi, droplets: tuple[int, int, int]) -> None:
    _, peer, _ = droplets
    protect(api, tags=["web"], inbound_rules=[allow(PORT, addresses=["192.0.2.1"])], outbound_rules=OUT)
    (late,) = api.create("late", tags=["web"])
    public, private = api.addresses(late)
    api.lab.wait_done(late)
    assert api.lab.sh(late, "timeout 2 bash -c '</dev/tcp/127.0.0.1/22'").returncode == 0  # control: sshd listens
    assert not reaches(api, None, public, 22)
    assert not reaches(api, peer, private, 22)
    api.call("DELETE", f"/v2/droplets/{late}")
    api.settle()


def test_what_goes_out_is_closed_too(api: LabApi, droplets: tuple[int, int, int]) -> None:
    """Name servers included, which the router leads elsewhere; the metadata service always answers."""
    web, peer, _ = droplets
    public, private = api.addresses(peer)
    assert reaches(api, web, private)  # control
    assert "closed" not in asked(api, web)
    firewall = protect(api, droplet_ids=[web], inbound_rules=[allow(0)])
    assert not reaches(api, web, private)
    assert not reaches(api, web, public)
    assert "closed" in asked(api, web)
    assert api.lab.sh(web, "curl -sS -m 3 http://169.254.169.254/").returncode == 0
    assert reaches(api, None, api.addresses(web)[0])  # answers of connections from outside go out

    rules = [
        allow(PORT, "destinations", droplet_ids=[peer]),
        allow(53, "destinations", "udp", addresses=["67.207.67.2"]),
    ]
    api.call("POST", f"/v2/firewalls/{firewall}/rules", {"outbound_rules": rules})
    wait_in_force(api, firewall)
    assert reaches(api, web, private)
    assert "closed" not in asked(api, web)


def test_an_established_connection_stays(api: LabApi, droplets: tuple[int, int, int]) -> None:
    """https://docs.digitalocean.com/products/networking/firewalls/: they are stateful."""
    web, _, _ = droplets
    public, _ = api.addresses(web)
    with socket.create_connection((public, PORT), timeout=5) as connection:
        protect(api, droplet_ids=[web], inbound_rules=[allow(PORT + 1)])
        assert not reaches(api, None, public)  # control: a new one is refused
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert connection.recv(64).startswith(b"HTTP/1.0 200")


def test_bakerys_own_table_lets_the_operator_and_the_vpc_in(api: LabApi, droplets: tuple[int, int, int]) -> None:
    """8501 of a Consul server: not from a foreign droplet, nor from an address outside of admin_cidrs."""
    web, peer, foreign = droplets
    public, private = api.addresses(web)
    vpc = next(each for each in api.call("GET", "/v2/vpcs")["vpcs"] if each["name"] == "default-fra1")
    text = f"version: 1\ncluster: demo\nvpc: {{cidr: {vpc['ip_range']}}}\n"
    planned = build_plan(parse_cluster(text, Path("bakery.yaml"))).firewalls[0]
    api.call("POST", "/v2/tags", {"name": planned.tag})
    retag(api, "POST", planned.tag, web)
    for number, (admin, host_gets_in) in enumerate([("192.0.2.7/32", False), (f"{api.lab.plan.host}/32", True)]):
        protect(api, **firewall_body(request_for(planned, name=f"demo-{number}", admin_cidrs=[admin])))
        assert reaches(api, None, public) is host_gets_in
        assert reaches(api, peer, private)
        assert not reaches(api, foreign, public)
        assert not reaches(api, peer, private, PORT + 1)  # nothing of ours listens on 8502


def asked(api: LabApi, droplet_id: int) -> str:
    """What a name server says, asked by hand: any answer at all, or "closed"."""
    return api.lab.sh(droplet_id, f"python3 -c {QUESTION!r} || echo closed").stdout


# RFC 1035, 4.1: one question, the address of localhost.
QUESTION = (
    "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2);"
    'q = bytes.fromhex("beef01000001000000000000096c6f63616c686f73740000010001");'
    's.sendto(q, ("67.207.67.2", 53)); print(len(s.recv(512)))'
)


def retag(api: LabApi, method: str, tag: str, droplet_id: int) -> None:
    resource = {"resource_id": str(droplet_id), "resource_type": "droplet"}
    api.call(method, f"/v2/tags/{tag}/resources", {"resources": [resource]})


def wait_reached(api: LabApi, droplet_id: int, address: str) -> None:
    wait_until(
        lambda: True if reaches(api, droplet_id, address) else Pending("closed"), what="the way in", seconds=30
    )


def test_the_kernel_takes_a_table_for_five_hundred_droplets_in_a_moment(api: LabApi) -> None:
    rule = AllowRule(protocol="tcp", ports="1-100", networks=("10.0.0.0/8",), groups=("all",))
    firewall = FirewallRules(inbound=(rule,) * 25, outbound=(rule,) * 25)
    addresses = tuple(str(api.lab.plan.range[1000 + number]) for number in range(500))
    bindings = tuple(FirewallBinding(droplet_id=number, firewalls=(0, 1, 2)) for number in range(500))
    api.lab.router.enforce(FirewallPolicy(firewalls=(firewall,) * 3, groups={"all": addresses}, bindings=bindings))
    assert "droplet_499_in" in in_force(api)
    api.lab.router.enforce(FirewallPolicy(firewalls=(), groups={}, bindings=()))
    assert "droplet_" not in in_force(api)
