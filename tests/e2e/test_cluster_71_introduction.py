"""A cluster that introduces its clients, on droplets: launch, reboot, replacement and scale."""

from collections.abc import Callable

import pytest

from bakery.wait import Pending, wait_until
from tests.helpers.cluster_e2e import PATIENCE
from tests.helpers.servers_e2e import Servers

pytestmark = [pytest.mark.e2e, pytest.mark.e2e_sweep, pytest.mark.timeout(900)]

CLIENT = "strict-nomad-client-1"
# A node's own files: its token for Consul came with the introduction, and the key in Consul is gone.
LOOK = """
cat /etc/bakery/introduction.json >/dev/null && ! grep --quiet '"token"' /etc/nomad.d/client.json
stat --format='%U %a' /etc/nomad.d/introduced.json /opt/nomad/client/intro_token.jwt
"""


def wait_ready(servers: Servers, name: str) -> None:
    def ready() -> bool | Pending:
        said = servers.cluster.nomad_nodes().get(name, "unknown")
        return True if said == "ready" else Pending(f"{name} is {said}")

    wait_until(ready, what=f"{name} to be ready", seconds=PATIENCE)


def test_every_way_to_a_client_introduces_it(second: Callable[[str, str], Servers]) -> None:
    servers = second("strict", "consul-server: 1, nomad-server: 1, nomad-client: 1")
    cluster = servers.cluster
    file = cluster.work / "bakery.yaml"
    file.write_text(file.read_text() + "security: {client_introduction: strict}\n")
    cluster.bakery("launch", "--local", "--yes")
    assert cluster.nomad_nodes() == {CLIENT: "ready"}
    assert cluster.inside(CLIENT, LOOK).stdout.splitlines() == ["root 600", "root 600"]
    keys = cluster.tool("consul", "kv", "get", "-keys", "bakery/introduction/", check=False).stdout
    assert keys.strip() == ""
    assert "introduction" not in cluster.tool("consul", "acl", "policy", "list").stdout

    before = cluster.inside(CLIENT, "cat /proc/sys/kernel/random/boot_id").stdout
    action = {"type": "power_cycle"}
    assert cluster.api("POST", f"/v2/droplets/{cluster.droplet(CLIENT).id}/actions", action).status == 201

    def booted() -> bool | Pending:
        now = cluster.reads(CLIENT, "cat /proc/sys/kernel/random/boot_id && systemctl is-active nomad-client")
        return True if not isinstance(now, Pending) and before.strip() not in now else Pending(str(now))

    wait_until(booted, what=f"{CLIENT} to boot again", seconds=PATIENCE, every=0.5)
    wait_ready(servers, CLIENT)

    cluster.bakery("replace", CLIENT, "--local", "--yes")
    (successor,) = cluster.nomad_nodes()
    assert successor.startswith(f"{CLIENT}-")
    cluster.bakery("scale", "nomad-client=2", "--local", "--yes")
    assert cluster.nomad_nodes() == {successor: "ready", "strict-nomad-client-2": "ready"}
