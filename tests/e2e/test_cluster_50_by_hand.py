"""A node that bakery did not create: a rendered file, curl, and ``bakery bootstrap``."""

import json
from pathlib import Path

import pytest

from bakery.credentials.model import Leaf
from bakery.proc import run
from bakery.wait import wait_until
from tests.helpers.cluster_e2e import PATIENCE, Cluster
from tests.helpers.tls import handshake

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

NAME = "handmade"
ROLE = "nomad-client"


@pytest.fixture(scope="module")
def handmade(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The droplet's name, when it has been asked for."""
    folder = tmp_path_factory.mktemp("by-hand")
    assert role_tokens(cluster) == []  # nothing was rendered yet
    rendered = cluster.bakery("render", "--local", "--role", ROLE, "--output", str(folder / "rendered"))
    user_data = Path(rendered.stdout.strip())
    assert user_data.stat().st_mode & 0o777 == 0o600
    (snapshot,) = [
        each["id"]
        for each in json.loads(cluster.bakery("images", "--local", "--json").stdout)["images"]
        if each["current"]
    ]
    (vpc,) = [each["id"] for each in cluster.api("GET", "/v2/vpcs?per_page=200").body["vpcs"] if _ours(each)]
    request = {
        "name": NAME,
        "region": "fra1",
        "size": "s-2vcpu-2gb",
        "image": snapshot,
        "vpc_uuid": vpc,
        "tags": ["bakery:demo", f"bakery:demo:role:{ROLE}"],
        "user_data": user_data.read_text(),
    }
    (folder / "request.json").write_text(json.dumps(request))
    (folder / "headers").write_text(f"Authorization: Bearer {cluster.token}\nContent-Type: application/json\n")
    files = ["--header", f"@{folder / 'headers'}", "--data", f"@{folder / 'request.json'}"]
    run(["curl", "--silent", "--show-error", "--fail-with-body", *files, f"{cluster.endpoint}/v2/droplets"])
    cluster.bakery("bootstrap", "--local")
    return NAME


def role_tokens(cluster: Cluster) -> list[str]:
    """What Consul says of the tokens that hand-made nodes share."""
    listed = json.loads(cluster.tool("consul", "acl", "token", "list", "-format=json").stdout)
    return sorted(each["Description"] for each in listed if " role " in f"{each['Description']} ")


def _ours(vpc: dict[str, str]) -> bool:
    return vpc["name"] == "bakery-demo"


def test_it_joins_and_becomes_ready(cluster: Cluster, handmade: str) -> None:
    cluster.wait_ready(handmade)


def test_the_rendered_role_has_its_tokens_and_no_other_role_has(cluster: Cluster, handmade: str) -> None:
    assert role_tokens(cluster) == [f"bakery: Consul agents of role {ROLE}"]
    listed = json.loads(cluster.tool("consul", "acl", "token", "list", "-format=json").stdout)
    assert f"bakery: Nomad of {ROLE}" in {each["Description"] for each in listed}


def test_tokens_that_a_node_may_use_stay_when_the_note_of_the_rendering_is_gone(
    cluster: Cluster, handmade: str
) -> None:
    note = cluster.work / f".bakery/demo/roles/{ROLE}.json"
    away = note.rename(note.with_suffix(".away"))
    try:
        bootstrapped = cluster.bakery("bootstrap", "--local")
    finally:
        away.rename(note)
    assert f"warning: kept Consul's tokens of role {ROLE}: " in bootstrapped.stderr
    assert NAME in bootstrapped.stderr
    assert role_tokens(cluster) == [f"bakery: Consul agents of role {ROLE}"]


def test_it_is_sealed_like_the_others(cluster: Cluster, handmade: str) -> None:
    sealed = "test -e /etc/cloud/cloud-init.disabled && echo sealed"
    wait_until(lambda: cluster.reads(handmade, sealed), what=f"{handmade} to be sealed", seconds=PATIENCE)
    assert cluster.inside(handmade, "systemctl is-active ssh", check=False).stdout == "inactive\n"


def test_its_leaf_cannot_act_as_a_server(cluster: Cluster, handmade: str, tmp_path: Path) -> None:
    """Consul's agents want ``server.<datacenter>.consul`` of a server (Consul docs, verify_server_hostname)."""
    leaf = _leaf(cluster, handmade)
    authority = Path(cluster.env["CONSUL_CACERT"]).read_text()
    operator = _operator(cluster)
    for prefix in ("client", "server"):
        (tmp_path / prefix).mkdir()
    refusal = handshake(tmp_path / "server", ca=authority, server=leaf, client=operator, name="server.demo.consul")
    assert refusal is not None
    assert "Hostname mismatch" in refusal
    # Controls: as the client that it is it is accepted, and a server's own leaf passes the same check.
    assert (
        handshake(tmp_path / "client", ca=authority, server=leaf, client=operator, name="client.demo.consul")
        is None
    )
    server = _leaf(cluster, "demo-consul-server-1")
    assert (
        handshake(tmp_path / "server", ca=authority, server=server, client=operator, name="server.demo.consul")
        is None
    )


def _leaf(cluster: Cluster, droplet: str) -> Leaf:
    folder = "/etc/consul.d/tls"
    return Leaf(
        certificate=cluster.inside(droplet, f"cat {folder}/agent.pem").stdout,
        key=cluster.inside(droplet, f"cat {folder}/agent-key.pem").stdout,
    )


def _operator(cluster: Cluster) -> Leaf:
    certificate, key = (Path(cluster.env[f"CONSUL_CLIENT_{part}"]).read_text() for part in ("CERT", "KEY"))
    return Leaf(certificate=certificate, key=key)
