"""No request, however odd, is answered with 500, or otherwise than tests/schemas has it."""

import random
import string

import pytest

from bakery.emulator.api.routes import ROUTES
from tests.helpers.emulated import DROPLET, Api, emulated, public_key

SEED = 20261124

VALUES: list[object] = [
    None,
    True,
    0,
    -1,
    1.5,
    10**40,
    "",
    "x",
    "demo",
    "fra1",
    "debian-12-x64",
    "10.100.0.0/20",
    "\ud800",
    "\x00",
    "a" * 300,
    [],
    ["x"],
    [1, None],
    [[]],
    {},
    {"addresses": ["::/0"]},
    [{"protocol": "tcp", "ports": "22", "sources": {"addresses": [1]}}],
    [{"resource_id": {}, "resource_type": "droplet"}],
    [{"resource_id": 1, "resource_type": "image"}],
    [{"entry_protocol": "http", "entry_port": True, "target_protocol": "http", "target_port": 80}],
    {"check_interval_seconds": [], "path": "\ud800"},
    {"allow": ["ip:1.2.3.4", "cidr:::/0"]},
]
FIELDS = [
    *(
        "name",
        "names",
        "size",
        "image",
        "region",
        "ssh_keys",
        "tags",
        "user_data",
        "vpc_uuid",
        "type",
        "public_key",
    ),
    *("ip_range", "description", "default", "inbound_rules", "outbound_rules", "droplet_ids", "resources"),
    *("monitoring", "ipv6", "public_networking", "volumes", "tag", "forwarding_rules", "health_check"),
    *("firewall", "sticky_sessions", "droplet_id", "data", "ttl", "dns_names", "leaf_certificate", "ip_address"),
]
ACTIONS = [
    *("reboot", "power_cycle", "shutdown", "power_off", "power_on", "snapshot", "rebuild", "rename"),
    *("transfer", "resize", "dance", "assign", "unassign"),
]


@pytest.mark.integration
def test_odd_requests() -> None:
    _fuzz(SEED, 500)


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(SEED, SEED + 5))
def test_many_odd_requests(seed: int) -> None:
    _fuzz(seed, 5000)


def _fuzz(seed: int, count: int) -> None:
    print(f"seed {seed}")  # noqa: T201 - shown when it fails
    chance = random.Random(seed)  # noqa: S311 - no secret
    with emulated() as api:
        statuses = [_send(api, chance) for _ in range(count)]
        api.settle()

        assert max(statuses) < 500
        assert {200, 201, 202, 204, 400, 404, 422} <= set(statuses)  # control: it reached handlers


def _send(api: Api, chance: random.Random) -> int:
    rule = chance.choice(ROUTES)
    method, pattern = rule.method, rule.path
    if pattern in {"/_emulator/faults", "/_emulator/recording"} and method == "POST":
        return 0
    path = _fill(api, pattern, chance)
    if chance.random() < 0.3:
        path += f"?{chance.choice(['page', 'per_page', 'tag_name', 'name', 'type', 'private'])}={_word(chance)}"
    status = api.call(method, path, _body(api, pattern, method, chance)).status_code
    assert status < 500, (method, path)
    return status


def _fill(api: Api, pattern: str, chance: random.Random) -> str:
    parts = [_identifier(api, part, chance) if part.startswith("{") else part for part in pattern.split("/")]
    return "/".join(parts)


def _identifier(api: Api, part: str, chance: random.Random) -> str:
    state = api.emulator.state
    known: dict[str, list[int | str]] = {
        "{droplet}": [droplet.id for droplet in state.droplets.all()],
        "{image}": [*(image.id for image in state.images.all()), "debian-12-x64"],
        "{snapshot}": [image.id for image in state.images.all()],
        "{action}": [action.id for action in state.actions.all()],
        "{tag}": [tag.name for tag in state.tags.all()],
        "{vpc}": [vpc.id for vpc in state.vpcs.all()],
        "{firewall}": [firewall.id for firewall in state.firewalls.all()],
        "{key}": [key.id for key in state.keys.all()],
        "{project}": ["default"],
        "{balancer}": [balancer.id for balancer in state.load_balancers.all()],
        "{reserved}": [reserved.ip for reserved in state.reserved_ips.all()],
        "{domain}": [domain.name for domain in state.domains.all()],
        "{record}": [record.id for domain in state.domains.all() for record in domain.records],
        "{certificate}": [certificate.id for certificate in state.certificates.all()],
        "{fault}": [],
    }
    candidates = known[part]
    return str(chance.choice(candidates)) if candidates and chance.random() < 0.7 else _word(chance)


def _word(chance: random.Random) -> str:
    odd = ["0", "-1", "999999999999999999999", "%00", "%F0%9F%98%80", "²", "%2e%2e", "demo"]
    return chance.choice([*odd, "".join(chance.choices(string.ascii_letters, k=4))])


def _body(api: Api, pattern: str, method: str, chance: random.Random) -> object:
    if method == "GET" or chance.random() < 0.05:
        return chance.choice([None, b"{", b"[]", b"\xff"])
    body = dict(_good(pattern, chance))
    for _ in range(chance.randrange(3)):
        body[chance.choice(FIELDS)] = chance.choice(VALUES)
    return body


def _good(pattern: str, chance: random.Random) -> dict[str, object]:
    if pattern == "/v2/droplets":
        return {**DROPLET, "tags": ["demo"]}
    if pattern.endswith("/actions"):
        return {"type": chance.choice(ACTIONS), "name": "a", "image": "debian-12-x64", "region": "nyc3"}
    if pattern == "/v2/account/keys":
        return {"name": "k", "public_key": public_key(chance.randrange(50))}
    if pattern.startswith("/v2/firewalls"):
        rule: dict[str, object] = {"protocol": "tcp", "ports": "22", "sources": {"addresses": ["0.0.0.0/0"]}}
        return {"name": _word(chance), "inbound_rules": [rule], "tags": ["demo"]}
    if pattern.startswith("/v2/load_balancers"):
        rule = {"entry_protocol": "tcp", "target_protocol": "tcp"}
        rule |= {"entry_port": 80, "target_port": 80}
        return {"name": "demo", "region": "fra1", "tag": "demo", "forwarding_rules": [rule]}
    if pattern.startswith("/v2/domains"):
        return {"name": chance.choice(["example.com", "www"]), "type": "A", "data": "192.0.2.1"}
    if pattern == "/v2/certificates":
        return {"name": "demo", "type": "lets_encrypt", "dns_names": ["www.example.com"]}
    return {"name": chance.choice(["demo", "a", "b"]), "region": "fra1", "tags": ["demo"]}
