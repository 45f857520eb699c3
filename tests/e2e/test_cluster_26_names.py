"""Names below consul, and public names, resolve on every node and in every kind of task."""

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from bakery.wait import Pending, wait_until
from tests.helpers.cluster_e2e import JOBS, PATIENCE, Cluster
from tests.helpers.file_server import served
from tests.helpers.firewalls_e2e import BOTH_KEEP_CLOSED, reached_without
from tests.helpers.image_tar import fetch_busybox, image_tar

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

CLIENT = "demo-nomad-client-1"
CONSUL = "nomad.service.consul"
"""The Nomad servers, which every cluster has."""
LOOKUP_SECONDS = 20.0
GROUPS = {"exec", "exec-bridge", "exec-dns", "docker", "docker-bridge", "docker-dns", "docker-host"}


@pytest.fixture(scope="module")
def tasks(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """The allocations by group, once all of them run."""
    files = {"/bin/busybox": fetch_busybox(tmp_path_factory.mktemp("busybox"))}
    image = image_tar("bakery/names:1", files, command=["/bin/busybox", "sleep", "1000000"])

    def running() -> dict[str, str] | Pending:
        found = {each["TaskGroup"]: each["ID"] for each in cluster.allocations("names")}
        return found if set(found) == GROUPS else Pending(f"groups that run: {sorted(found)}")

    with served(cluster.operator, {"names.tar": image}) as base:
        cluster.run_job(JOBS / "names.nomad.hcl", f"image_url={base}/names.tar", f"node={CLIENT}")
        found = wait_until(running, what="every group of the job names to run", seconds=PATIENCE)
    yield found
    cluster.stop_job("names")


@pytest.fixture(scope="module")
def public(cluster: Cluster) -> str:
    """A name outside of the cluster that this machine's resolvers know: the source of the droplets' packages."""
    script = "sed -nE 's#^URIs: https?://([^/:]+).*#\\1#p' /etc/apt/sources.list.d/*.sources | head -n 1"
    return cluster.inside(CLIENT, script).stdout.strip()


def resolved(cluster: Cluster, tasks: Mapping[str, str], name: str) -> set[str]:
    """The groups whose task resolves ``name``, and "host" if the node does."""
    found = {group for group, allocation in tasks.items() if _in_task(cluster, group, allocation, name)}
    on_host = cluster.inside(CLIENT, f"getent hosts {name}", check=False).returncode == 0
    return found | ({"host"} if on_host else set())


def _in_task(cluster: Cluster, group: str, allocation: str, name: str) -> bool:
    look = ("/bin/busybox", "nslookup") if group.startswith("docker") else ("/usr/bin/getent", "hosts")
    # For a task of docker "alloc exec" may end before the program's output and exit code have arrived.
    done = cluster.tool("nomad", "alloc", "exec", allocation, *look, name, check=False)
    return done.returncode == 0 and ("Name:" in done.stdout or not group.startswith("docker"))


def wait_resolved(cluster: Cluster, tasks: Mapping[str, str], name: str) -> None:
    """Wait until ``name`` resolves on the node and in every task. The wait is for "alloc exec", see above."""

    def everywhere() -> bool | Pending:
        missing = (GROUPS | {"host"}) - resolved(cluster, tasks, name)
        return Pending(f"not in {sorted(missing)}") if missing else True

    wait_until(everywhere, what=f"{name} to resolve", seconds=LOOKUP_SECONDS)


@contextmanager
def stopped(cluster: Cluster, unit: str) -> Iterator[None]:
    cluster.inside(CLIENT, f"systemctl stop {unit}")
    try:
        yield
    finally:
        cluster.inside(CLIENT, f"systemctl start {unit}")


def test_services_and_public_names_resolve_everywhere(
    cluster: Cluster, tasks: Mapping[str, str], public: str
) -> None:
    wait_resolved(cluster, tasks, CONSUL)
    wait_resolved(cluster, tasks, public)


def test_a_name_that_does_not_exist_is_not_found(cluster: Cluster, tasks: Mapping[str, str]) -> None:
    """Control."""
    assert resolved(cluster, tasks, "bakery-has-no-such-service.service.consul") == set()


def test_public_names_resolve_while_consul_is_stopped(
    cluster: Cluster, tasks: Mapping[str, str], public: str
) -> None:
    with stopped(cluster, "consul"):
        wait_resolved(cluster, tasks, public)
        ask = f"timeout 3 getent hosts {CONSUL}"
        assert cluster.inside(CLIENT, ask, check=False).returncode != 0  # control
    cluster.wait_ready(CLIENT)


def test_the_forwarder_answers_them(cluster: Cluster, tasks: Mapping[str, str], public: str) -> None:
    """Control: without it no name resolves, so no task has another resolver."""
    with stopped(cluster, "bakery-dns"):
        host = cluster.inside(CLIENT, f"timeout 3 getent hosts {public}", check=False)
        assert host.returncode != 0


def test_a_task_cannot_answer_in_place_of_the_forwarder(cluster: Cluster) -> None:
    """A process that may open ports below 1024, as every exec task may, opens the forwarder's port once more."""
    look = f"python3 -c '{_IMPOSTOR}' & sleep 1; timeout 4 getent ahostsv4 {CONSUL}; kill $!"
    may = "--inh-caps=+net_bind_service --ambient-caps=+net_bind_service"
    as_task = f"setpriv --reuid=65534 --clear-groups {may} sh -c {shlex.quote(look)}"
    assert "192.0.2.66" not in cluster.inside(CLIENT, as_task, check=False).stdout
    cluster.inside(CLIENT, "nft delete table inet bakery_dns")
    try:
        assert "192.0.2.66" in cluster.inside(CLIENT, as_task, check=False).stdout, "control: it gets the queries"
    finally:
        cluster.inside(CLIENT, "systemctl restart bakery-dns")


# Answers every A query with 192.0.2.66: the header's answer bit and count, the question, one record for its name.
_IMPOSTOR = """
import socket
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
udp.bind(("169.254.1.1", 53))
while True:
    query, client = udp.recvfrom(512)
    end = query.index(0, 12) + 5
    record = bytes.fromhex("c00c00010001000000000004") + socket.inet_aton("192.0.2.66")
    udp.sendto(query[:2] + bytes.fromhex("81800001000100000000") + query[12:end] + record, client)
"""


def test_the_forwarder_is_closed_to_other_droplets(cluster: Cluster) -> None:
    """Control: without both firewalls it is open to them."""
    address = cluster.droplet(CLIENT).private
    ask = f"timeout 3 bash -c 'echo > /dev/tcp/{address}/53'"
    assert cluster.inside(CLIENT, ask).returncode == 0  # control: it listens there

    def reaches() -> bool:
        return cluster.inside("demo-nomad-server-1", ask, check=False).returncode == 0

    assert reached_without(cluster, CLIENT, reaches) == BOTH_KEEP_CLOSED


def test_every_droplet_resolves_services(cluster: Cluster) -> None:
    for droplet in cluster.droplets("bakery:demo"):
        assert cluster.inside(droplet.name, f"getent ahostsv4 {CONSUL}").returncode == 0
