"""The cluster comes back without hands: dead leaders, partitions, rolling reboots, killed agents.

Each test ends with the whole cluster healthy, as ``bakery status`` sees it.
"""

import os
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from bakery.wait import Pending, wait_until
from tests.helpers.cluster_e2e import PATIENCE, Cluster
from tests.helpers.kv_writer import PREFIX, KvWriter

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SERVERS = ("demo-consul-server-1", "demo-consul-server-2", "demo-consul-server-3")
NOMAD_SERVER = "demo-nomad-server-2"
CLIENT = "demo-nomad-client-1"
PARTITION = os.environ.get("BAKERY_E2E_PARTITION", "60s")


@pytest.fixture(scope="module")
def writer_addresses(cluster: Cluster) -> tuple[str, ...]:
    return tuple(cluster.droplet(name).public for name in SERVERS)


@pytest.fixture(autouse=True, scope="module")
def _tidy(cluster: Cluster) -> Iterator[None]:
    cluster.wait_healthy()
    yield
    cluster.tool("consul", "kv", "delete", "-recurse", f"{PREFIX}/", check=False)


def leader(cluster: Cluster) -> str:
    """The Consul server that leads, by name; asked of any server that answers."""

    def found() -> str | Pending:
        for address in [cluster.droplet(name).public for name in SERVERS]:
            words = ("consul", "operator", "raft", "list-peers", f"-http-addr=https://{address}:8501")
            shown = cluster.tool(*words, check=False, seconds=10)
            leading = [line.split()[0] for line in shown.stdout.splitlines() if " leader " in line]
            if shown.returncode == 0 and leading:
                return leading[0]
        return Pending("no Consul server knows of a leader")

    return wait_until(found, what="a Consul leader", seconds=PATIENCE)


def power(cluster: Cluster, name: str, action: str, status: str) -> None:
    """Order a power action and wait until the API shows the droplet in ``status``."""
    droplet = cluster.droplet(name)
    assert cluster.api("POST", f"/v2/droplets/{droplet.id}/actions", {"type": action}).status == 201

    def reached() -> bool | Pending:
        now = cluster.droplet(name).status
        return True if now == status else Pending(f"{name} is {now}")

    wait_until(reached, what=f"{name} to be {status}", seconds=PATIENCE, every=0.5)


def test_a_dead_leader_costs_no_acknowledged_write(
    cluster: Cluster, writer_addresses: tuple[str, ...], record_property: Callable[[str, object], None]
) -> None:
    before = leader(cluster)
    with KvWriter(cluster, writer_addresses) as writer:
        power(cluster, before, "power_off", "off")
        after = wait_until(
            lambda: now if (now := leader(cluster)) != before else Pending(f"{before} still leads"),
            what="another leader",
            seconds=PATIENCE,
        )
        count = len(writer.acknowledged)
        wait_until(
            lambda: True if len(writer.acknowledged) > count + 5 else Pending("no write is acknowledged"),
            what="writes under the new leader",
            seconds=PATIENCE,
        )
        power(cluster, before, "power_on", "active")
        cluster.wait_healthy()

    assert after != before
    assert writer.lost() == {}
    record_property("longest time without an acknowledged write, s", round(writer.longest_gap, 1))


def test_the_checker_notices_a_lost_write(cluster: Cluster, writer_addresses: tuple[str, ...]) -> None:
    """Control: a key that somebody deletes is missed."""
    with KvWriter(cluster, writer_addresses) as writer:
        wait_until(
            lambda: True if writer.acknowledged else Pending("no write is acknowledged"),
            what="a write",
            seconds=PATIENCE,
        )
    key = next(iter(writer.acknowledged))
    cluster.tool("consul", "kv", "delete", key)

    assert set(writer.lost()) == {key}


@pytest.mark.parametrize("name", [NOMAD_SERVER, CLIENT])
def test_a_nomad_node_that_lost_its_power_comes_back(cluster: Cluster, name: str) -> None:
    power(cluster, name, "power_off", "off")
    assert not cluster.status()["healthy"]

    power(cluster, name, "power_on", "active")

    cluster.wait_healthy()


def test_a_server_cut_off_for_a_while_comes_back(cluster: Cluster, writer_addresses: tuple[str, ...]) -> None:
    leading = leader(cluster)
    # Not the first: that is whom the consul program asks.
    cut = next(name for name in SERVERS[1:] if name != leading)
    with KvWriter(cluster, writer_addresses) as writer:
        cluster.bakery("emulator", "impair", "--partition", PARTITION, cut)
        wait_until(
            lambda: True if cluster.consul_members().get(cut) == "failed" else Pending(f"{cut} is not missed"),
            what=f"Consul to miss {cut}",
            seconds=PATIENCE,
        )
        cluster.wait_healthy()

    assert writer.lost() == {}


def test_all_servers_rebooted_one_after_another_then_an_old_client(cluster: Cluster) -> None:
    for name in (*SERVERS, CLIENT):
        boot = cluster.inside(name, "cat /proc/sys/kernel/random/boot_id").stdout.strip()
        droplet = cluster.droplet(name)
        assert cluster.api("POST", f"/v2/droplets/{droplet.id}/actions", {"type": "reboot"}).status == 201
        wait_until(
            partial(_rebooted, cluster, name, boot),
            what=f"{name} to boot again",
            seconds=PATIENCE,
        )
        cluster.wait_healthy()


def _rebooted(cluster: Cluster, name: str, boot: str) -> bool | Pending:
    now = cluster.reads(name, "cat /proc/sys/kernel/random/boot_id")
    if isinstance(now, Pending) or now == boot:
        return Pending(f"{name} has not booted again")
    return True


def test_agents_killed_ten_times_leave_running_tasks_alone(cluster: Cluster) -> None:
    """Nomad's promise in its own e2e suite (hashicorp/nomad e2e/clientstate): a task keeps its process."""
    (allocation, *_) = cluster.allocations("web")
    node = allocation["NodeName"]
    before = _task(cluster, node)
    for _ in range(10):
        for unit in ("nomad-client", "consul"):
            cluster.inside(node, f"systemctl kill --kill-whom=main --signal=KILL {unit}")
            wait_until(
                partial(cluster.reads, node, f"systemctl is-active {unit}"),
                what=f"{unit} on {node} to start again",
                seconds=PATIENCE,
                every=0.5,
            )

    cluster.wait_healthy()
    assert _task(cluster, node) == before


def _task(cluster: Cluster, node: str) -> str:
    """Process id and start of the node's task of the job ``web``."""
    listed = cluster.inside(node, "ps -eo pid=,lstart=,args= | grep '[p]ython3 -m http.server'").stdout
    assert listed.strip()
    return listed
