"""The cluster comes back without hands: dead leaders, partitions, rolling reboots, killed agents.

Each test ends with the whole cluster healthy, as ``bakery status`` sees it; one that fails mends what it broke.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import pytest

from bakery.wait import Pending
from tests.helpers.cluster_e2e import PATIENCE, Cluster, wait_for
from tests.helpers.kv_writer import PREFIX, KvWriter
from tests.sweep.figures import Figures

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SERVERS = ("demo-consul-server-1", "demo-consul-server-2", "demo-consul-server-3")
NOMAD_SERVERS = ("demo-nomad-server-1", "demo-nomad-server-2", "demo-nomad-server-3")
CLIENT = "demo-nomad-client-1"
FOR_FIGURES = bool(os.environ.get("BAKERY_FIGURES"))
"""In ``make sweep``; CI takes a shorter partition and fewer kills."""
PARTITION_SECONDS = 60.0 if FOR_FIGURES else 30.0
KILLS = 10 if FOR_FIGURES else 3
SOME_WRITES = 20


@pytest.fixture(autouse=True, scope="module")
def _tidy(cluster: Cluster) -> Iterator[None]:
    cluster.wait_healthy()
    yield
    cluster.tool("consul", "kv", "delete", "-recurse", f"{PREFIX}/", check=False)


@pytest.fixture
def writer(cluster: Cluster) -> KvWriter:
    return KvWriter(cluster, [cluster.droplet(name).public for name in SERVERS])


def leader(cluster: Cluster, servers: Sequence[str] = SERVERS, *, after: str | None = None) -> str:
    """The server that leads, by name, once every server (but the dead leader ``after``) says the same."""
    asked = [name for name in servers if name != after]

    def agreed() -> str | Pending:
        seen = {name: cluster.leader_seen_by(name) for name in asked}
        named = set(seen.values())
        if len(named) == 1 and not named & {"", after}:
            return named.pop()
        return Pending("; ".join(f"{name} knows of {seen[name] or 'no leader'}" for name in asked))

    return wait_for(agreed, what=f"one leader in the eyes of {', '.join(asked)}", every=0.2)


def recovered(cluster: Cluster, name: str) -> None:
    """Wait until the droplet's agents have joined (their units are Type=notify) and the whole cluster is healthy.

    Asked before, the cluster may still tell of the time before the fault.
    """
    units = ["consul", *(role for role in ("nomad-server", "nomad-client") if role in name)]
    for unit in units:
        active = partial(cluster.reads, name, f"systemctl is-active {unit}")
        wait_for(active, what=f"{unit} on {name} to join", every=0.5)
    cluster.wait_healthy()
    leader(cluster)
    leader(cluster, NOMAD_SERVERS)


def act(cluster: Cluster, name: str, action: str) -> None:
    path = f"/v2/droplets/{cluster.droplet(name).id}/actions"
    assert cluster.api("POST", path, {"type": action}).status == 201


def power(cluster: Cluster, name: str, action: str, status: str) -> None:
    """Order a power action and wait until the API shows the droplet in ``status``."""
    act(cluster, name, action)

    def reached() -> bool | Pending:
        now = cluster.droplet(name).status
        return True if now == status else Pending(f"{name} is {now}")

    wait_for(reached, what=f"{name} to be {status}", every=0.5)


@dataclass
class Outage:
    """One droplet's, timed."""

    began: float
    healthy_after: float = 0.0
    """Seconds from the end of the fault until all was healthy."""

    @property
    def age(self) -> float:
        return time.monotonic() - self.began

    @property
    def said(self) -> str:
        return f"all healthy {self.healthy_after:.0f} s after its end"


@contextmanager
def without_power(cluster: Cluster, name: str) -> Iterator[Outage]:
    """Power is cut, and afterwards back, whatever happens in the block."""
    outage = Outage(began=time.monotonic())
    try:
        power(cluster, name, "power_off", "off")
        yield outage
    finally:
        back = time.monotonic()
        if cluster.droplet(name).status == "off":
            power(cluster, name, "power_on", "active")
        recovered(cluster, name)
        outage.healthy_after = time.monotonic() - back


@contextmanager
def cut_off(cluster: Cluster, name: str) -> Iterator[Outage]:
    """No packet passes for PARTITION_SECONDS; nothing is left of it after the block, whatever happens there."""
    outage = Outage(began=time.monotonic())
    try:
        cluster.bakery("emulator", "impair", "--partition", f"{PARTITION_SECONDS}s", name)
        yield outage
    finally:
        cluster.bakery("emulator", "impair", "--heal", name)
        recovered(cluster, name)
        outage.healthy_after = outage.age - PARTITION_SECONDS


def tell(figures: Figures, target: str, writer: KvWriter, *measured: str) -> None:
    """Note what was measured and what the writer saw; no acknowledged write may be lost."""
    lost, written = writer.lost(), len(writer.acknowledged)
    gap = f"{writer.longest_gap:.1f} s at most without an acknowledged write"
    figures.tell(target, "; ".join((*measured, gap, f"{len(lost)} of {written} acknowledged writes lost")))
    assert written
    assert lost == {}


def more_writes(writer: KvWriter) -> None:
    """Wait until some more are acknowledged."""
    count = len(writer.acknowledged)

    def enough() -> bool | Pending:
        more = len(writer.acknowledged) - count
        return True if more >= SOME_WRITES else Pending(f"{more} of {SOME_WRITES} writes are acknowledged")

    wait_for(enough, what="acknowledged writes")


def test_a_dead_leader_costs_no_acknowledged_write(cluster: Cluster, writer: KvWriter, figures: Figures) -> None:
    target = "power cut of the Consul leader"
    with figures.watch(target):
        before = leader(cluster)
        with writer:
            more_writes(writer)
            with without_power(cluster, before) as outage:
                leader(cluster, after=before)
                elected = outage.age
                more_writes(writer)
        tell(figures, target, writer, f"another leader after {elected:.1f} s", outage.said)


def test_the_checker_notices_a_lost_write(cluster: Cluster, writer: KvWriter) -> None:
    """Control: a key that somebody deletes is missed."""
    with writer:
        more_writes(writer)
    key = next(iter(writer.acknowledged))
    cluster.tool("consul", "kv", "delete", key)

    assert set(writer.lost()) == {key}


def test_a_dead_nomad_leader_is_replaced_and_comes_back(
    cluster: Cluster, writer: KvWriter, figures: Figures
) -> None:
    target = "power cut of the Nomad leader"
    with figures.watch(target):
        before = leader(cluster, NOMAD_SERVERS)
        with writer, without_power(cluster, before) as outage:
            leader(cluster, NOMAD_SERVERS, after=before)
            elected = outage.age
            assert not cluster.status()["healthy"]
            _missed(cluster, SERVERS[0], before, outage)
        tell(figures, target, writer, f"another leader after {elected:.1f} s", outage.said)


def test_a_nomad_client_that_lost_its_power_comes_back(
    cluster: Cluster, writer: KvWriter, figures: Figures
) -> None:
    target = "power cut of a Nomad client"
    with figures.watch(target):
        with writer, without_power(cluster, CLIENT) as outage:
            assert not cluster.status()["healthy"]
            missed = _missed(cluster, SERVERS[0], CLIENT, outage)
        tell(figures, target, writer, f"missed after {missed:.1f} s", outage.said)


def _missed(cluster: Cluster, asked: str, name: str, outage: Outage) -> float:
    """Seconds until that server's gossip counts the droplet as failed.

    A server that failed is made to leave by Consul's autopilot at its next look (cleanup_dead_servers, every ten
    seconds), which may be a moment later.
    """

    def failed() -> bool | Pending:
        said = cluster.consul_members(asked).get(name, "unknown")
        return True if said in {"failed", "left"} else Pending(f"{asked} says that {name} is {said}")

    wait_for(failed, what=f"Consul to miss {name}", every=0.5)
    return outage.age


def test_a_server_cut_off_for_a_while_comes_back(cluster: Cluster, writer: KvWriter, figures: Figures) -> None:
    target = "a Consul server cut off"
    with figures.watch(target):
        leading = leader(cluster)
        cut = next(name for name in SERVERS if name != leading)
        with writer, cut_off(cluster, cut) as outage:
            missed = _missed(cluster, leading, cut, outage)
            cluster.wait_healthy(seconds=PARTITION_SECONDS + PATIENCE)
            assert outage.age > PARTITION_SECONDS
        told = f"{PARTITION_SECONDS:.0f} s, missed after {missed:.1f} s"
        tell(figures, target, writer, told, outage.said)


@pytest.mark.e2e_sweep
def test_all_servers_rebooted_one_after_another_then_an_old_client(
    cluster: Cluster, writer: KvWriter, figures: Figures
) -> None:
    target = "rolling reboots"
    with figures.watch(target):
        with writer:
            took = {name: _reboot(cluster, name) for name in (*SERVERS, CLIENT)}
        tell(
            figures,
            target,
            writer,
            "all healthy " + ", ".join(f"{took[name]:.0f}" for name in SERVERS) + " s after each server's",
            f"{took[CLIENT]:.0f} s after the client's",
        )


def _reboot(cluster: Cluster, name: str) -> float:
    """Seconds until it has booted again and all is healthy."""
    ask = "cat /proc/sys/kernel/random/boot_id"
    before = cluster.inside(name, ask).stdout.strip()
    outage = Outage(began=time.monotonic())
    act(cluster, name, "reboot")

    def booted() -> bool | Pending:
        now = cluster.reads(name, ask)
        return now if isinstance(now, Pending) else now != before or Pending(f"{name} has not gone down")

    wait_for(booted, what=f"{name} to boot again", every=0.5)
    recovered(cluster, name)
    return outage.age


def test_agents_killed_again_and_again_leave_running_tasks_alone(
    cluster: Cluster, writer: KvWriter, figures: Figures
) -> None:
    """Nomad's promise in its own e2e suite (hashicorp/nomad e2e/clientstate): a task keeps its process."""
    target = "agents killed"
    with figures.watch(target):
        node, before = _web(cluster)
        with writer:
            for _ in range(KILLS):
                for unit in ("nomad-client", "consul"):
                    _kill(cluster, node, unit)
            struck = time.monotonic()
            recovered(cluster, node)
            healthy = time.monotonic() - struck
        same = cluster.inside(node, _WEB, check=False).stdout.strip() == before
        tell(
            figures,
            target,
            writer,
            f"{2 * KILLS} kills, {'the task kept its process id' if same else 'the task was lost'}",
            f"all healthy {healthy:.0f} s after the last",
        )
        assert same


_WEB = "ps -eo pid=,lstart=,args= | grep '[p]ython3 -m http.server'"
"""Process id and start of the node's tasks of the job ``web``."""


def _web(cluster: Cluster) -> tuple[str, str]:
    """A node that runs the job ``web``, and its tasks there. What ran on one that was away may be on the move."""

    def settled() -> tuple[str, str] | Pending:
        running = [each for each in cluster.allocations("web") if each["DesiredStatus"] == "run"]
        if len(running) != 2:
            return Pending(f"{len(running)} of 2 tasks run")
        node = running[0]["NodeName"]
        listed = cluster.reads(node, _WEB)
        return listed if isinstance(listed, Pending) else (node, listed)

    return wait_for(settled, what="the job web to run")


def _kill(cluster: Cluster, node: str, unit: str) -> None:
    """``kill -9`` the agent and wait until another process of it has joined."""
    running = f"systemctl is-active --quiet {unit} && systemctl show --property=MainPID --value {unit}"
    before = cluster.inside(node, running).stdout.strip()
    cluster.inside(node, f"systemctl kill --kill-whom=main --signal=KILL {unit}")

    def another() -> str | Pending:
        now = cluster.reads(node, running)
        return Pending(f"{unit} on {node} has not ended") if now == before else now

    wait_for(another, what=f"{unit} on {node} to start again", every=0.5)
