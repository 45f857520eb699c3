"""A second cluster in the emulator of the demo: made, changed by documented commands, and looked at."""

from dataclasses import replace
from pathlib import Path

from bakery.config.defaults import TESTED_NOMAD_VERSION
from tests.helpers.cluster_e2e import Cluster, Droplet
from tests.helpers.servers_e2e import CONSUL, NOMAD, Servers


def made(cluster: Cluster, folder: Path, name: str, counts: str) -> Servers:
    """Another cluster in the same emulator, not yet launched."""
    folder.mkdir(exist_ok=True)
    servers = Servers(replace(cluster, work=folder), name)
    write_counts(servers, counts)
    return servers


def write_counts(servers: Servers, counts: str) -> None:
    """``roles`` of the cluster file, as "consul-server: 3, nomad-client: 1"."""
    roles = ", ".join(
        f"{pair.split(':')[0].strip()}: {{count: {pair.split(':')[1]}}}" for pair in counts.split(",")
    )
    head = f"version: 1\ncluster: {servers.name}\nimage: {{nomad: {TESTED_NOMAD_VERSION}}}\n"
    text = f"{head}vpc: {{cidr: 10.120.0.0/20}}\nroles: {{{roles}}}\n"
    (servers.cluster.work / "bakery.yaml").write_text(text)


def put(servers: Servers, key: str) -> None:
    servers.cluster.tool("consul", "kv", "put", f"sequences/{key}", key)


def has(servers: Servers, key: str) -> bool:
    return servers.cluster.tool("consul", "kv", "get", f"sequences/{key}").stdout.strip() == key


def assert_whole(servers: Servers, count: int, products: tuple[str, ...] = (CONSUL, NOMAD)) -> None:
    """Asked at once, in the products' own words."""
    for product in products:
        assert servers.voters(product) == servers.names(product)
        assert len(servers.voters(product)) == count
        assert set(servers.members(product).values()) == {"alive"}


def act(cluster: Cluster, droplet: Droplet, action: str) -> None:
    assert cluster.api("POST", f"/v2/droplets/{droplet.id}/actions", {"type": action}).status == 201
